/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel types that pipetrace's programs touch, and of each only the fields they read.
 *
 * Made by hand from the BTF of Linux 6.18 (bpftool btf dump file /sys/kernel/btf/vmlinux format c)
 * and compared with 5.10, 6.1, 6.12 and 7.2. Offsets do not matter here: every record type carries
 * preserve_access_index, so libbpf relocates each access to the running kernel's layout (CO-RE).
 * Types that changed between releases are not here but in bpf/kernel_compat.bpf.h. */
#ifndef __VMLINUX_H__
#define __VMLINUX_H__

typedef unsigned char __u8;
typedef signed char __s8;
typedef unsigned short __u16;
typedef short __s16;
typedef unsigned int __u32;
typedef int __s32;
typedef unsigned long long __u64;
typedef long long __s64;
typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u64 __be64;
typedef __u32 __wsum;
typedef __u16 __sum16;
typedef _Bool bool;
typedef int pid_t;
typedef unsigned int uid_t;
typedef unsigned long size_t;
typedef unsigned int fmode_t;
typedef unsigned short umode_t;

enum { false = 0, true = 1 };

/* include/uapi/linux/bpf.h */
enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_RINGBUF = 27,
};
enum { BPF_ANY = 0, BPF_NOEXIST = 1, BPF_EXIST = 2 };
enum { BPF_RB_NO_WAKEUP = 1, BPF_RB_FORCE_WAKEUP = 2 };

/* What the CPU saved when the task entered the kernel. */
#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8;
	unsigned long ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp, ss;
} __attribute__((preserve_access_index));
#elif defined(__TARGET_ARCH_arm64)
struct user_pt_regs {
	u64 regs[31];
	u64 sp, pc, pstate;
} __attribute__((preserve_access_index));
struct pt_regs {
	struct user_pt_regs user_regs;
	u64 orig_x0;
	s32 syscallno;
} __attribute__((preserve_access_index));
#else
#error "pipetrace's programs know x86 and arm64"
#endif

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	int counter;
} atomic_t;
typedef struct {
	s64 counter;
} atomic64_t;
typedef struct {
	uid_t val;
} kuid_t;
typedef struct {
	unsigned long sig[1];
} sigset_t;
struct list_head {
	struct list_head *next;
};

/* --- tasks and signals --- */
struct ns_common {
	unsigned int inum;
};
struct net {
	struct ns_common ns;
	struct netns_ipv4 {
		int sysctl_tcp_fin_timeout;
	} ipv4;
};
struct nsproxy {
	struct net *net_ns;
};
struct upid {
	int nr;
};
struct hlist_node {
	struct hlist_node *next, **pprev;
};
struct hlist_head {
	struct hlist_node *first;
};
struct pid {
	unsigned int level;
	struct hlist_head tasks[4];
	struct upid numbers[1];
};
struct cred {
	kuid_t uid;
};
struct kernfs_node {
	u64 id;
};
struct cgroup {
	struct kernfs_node *kn;
};
struct css_set {
	struct cgroup *dfl_cgrp;
};
struct sigaction {
	void *sa_handler;
};
struct k_sigaction {
	struct sigaction sa;
};
struct sighand_struct {
	struct k_sigaction action[64];
};
struct sigpending {
	sigset_t signal;
};
struct mm_struct;
struct signal_struct {
	atomic_t live;
	int group_exit_code;
	unsigned int flags;
	struct mm_struct *oom_mm;
};
struct task_io_accounting {
	u64 wchar;
};
struct task_struct {
	void *stack;
	unsigned int flags;
	int exit_code;
	pid_t pid;
	pid_t tgid;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	struct hlist_node pid_links[4];
	u64 start_boottime;
	const struct cred *cred;
	char comm[16];
	struct files_struct *files;
	struct nsproxy *nsproxy;
	struct signal_struct *signal;
	struct sighand_struct *sighand;
	sigset_t blocked;
	struct sigpending pending;
	struct task_io_accounting ioac;
	struct css_set *cgroups;
};
struct kernel_siginfo;

/* --- files --- */
struct super_block {
	unsigned int s_dev;
	unsigned long s_magic;
};
struct inode {
	umode_t i_mode;
	struct super_block *i_sb;
	unsigned long i_ino;
	struct pipe_inode_info *i_pipe;
};
struct file {
	fmode_t f_mode;
	void *private_data;
	struct inode *f_inode;
};
struct fdtable {
	unsigned int max_fds;
	struct file **fd;
	unsigned long *open_fds;
};
struct files_struct {
	atomic_t count;
	struct fdtable *fdt;
};
struct pipe_inode_info {
	unsigned int readers;
	unsigned int writers;
};
struct linux_binprm;
struct iovec {
	void *iov_base;
	size_t iov_len;
};
struct user_msghdr {
	void *msg_name;
	int msg_namelen;
	struct iovec *msg_iov;
	size_t msg_iovlen;
};

/* --- sockets --- */
struct in6_addr {
	union {
		u8 u6_addr8[16];
		__be32 u6_addr32[4];
	} in6_u;
};
struct proto;
typedef struct {
	struct net *net;
} possible_net_t;
struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	u16 skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
	atomic64_t skc_cookie;
	unsigned long skc_flags;
};
struct rb_node {
	struct rb_node *rb_right;
	struct rb_node *rb_left;
};
struct rb_root {
	struct rb_node *rb_node;
};
typedef struct {
	int owned;
} socket_lock_t;
struct sk_buff_head {
	struct sk_buff *next;
	struct sk_buff *prev;
	__u32 qlen;
};
struct sock {
	struct sock_common __sk_common;
	socket_lock_t sk_lock;
	struct rb_root tcp_rtx_queue;
	int sk_err;
	int sk_err_soft;
	u16 sk_type;
	u16 sk_protocol;
	u8 sk_shutdown;
	unsigned long sk_lingertime;
	struct socket *sk_socket;
	struct sk_buff_head sk_receive_queue;
	struct pid *sk_peer_pid;
};
struct sockaddr_un {
	unsigned short sun_family;
	char sun_path[108];
};
struct unix_address {
	int len;
	struct sockaddr_un name[0];
};
struct unix_sock {
	struct unix_address *addr;
	struct sock *peer;
};
struct unix_skb_parms {
	u32 consumed;
};
struct socket {
	enum { SS_UNCONNECTED = 1 } state;
	short type;
	struct file *file;
	struct sock *sk;
};
struct inet_sock {
	struct sock sk;
	__be32 inet_saddr;
	__be16 inet_sport;
};
struct inet_connection_sock {
	struct inet_sock icsk_inet;
	u32 icsk_user_timeout;
	void *icsk_ulp_data;
	__u8 icsk_retransmits;
	__u8 icsk_probes_out;
};
struct tcp_sock {
	struct inet_connection_sock inet_conn;
	u64 bytes_sent;
	u64 bytes_retrans;
	u64 bytes_received;
	u32 snd_nxt;
	u32 snd_una;
	u32 snd_wnd;
	u32 rcv_nxt;
	u32 copied_seq;
	u32 srtt_us;
	u32 total_retrans;
	u32 write_seq;
	u32 lsndtime;
	u32 rcv_tstamp;
	u8 repair : 1;
	bool is_mptcp;
};

/* --- packets --- */
struct net_device {
	unsigned int flags;
	possible_net_t nd_net;
};
struct sk_buff {
	struct sk_buff *next;
	struct sock *sk;
	unsigned int len;
	char cb[48];
	u64 skb_mstamp_ns;
	struct net_device *dev;
	u16 transport_header;
	u16 network_header;
	unsigned char *head;
	unsigned long _skb_refdst;
};
struct dst_entry {
	struct net_device *dev;
};
struct iphdr {
	u8 ttl;
	__be32 saddr;
	__be32 daddr;
};
struct ipv6hdr {
	u8 hop_limit;
	struct in6_addr saddr;
	struct in6_addr daddr;
};

/* 5.17 and later; the numbers move from release to release. */
enum skb_drop_reason {
	SKB_DROP_REASON_NETFILTER_DROP = 12,
};

/* --- BPF iterators --- */
struct seq_file;
struct bpf_iter_meta {
	struct seq_file *seq;
};
struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	u32 fd;
	struct file *file;
};
struct bpf_iter__tcp {
	struct bpf_iter_meta *meta;
	struct sock_common *sk_common;
};

#pragma clang attribute pop

/* Named by bpf_helper_defs.h, never looked into. */
struct bpf_fib_lookup;
struct bpf_sk_lookup;
struct bpf_perf_event_data;
struct bpf_perf_event_value;
struct bpf_pidns_info;
struct bpf_redir_neigh;
struct bpf_sock;
struct bpf_sock_addr;
struct bpf_sock_ops;
struct bpf_sock_tuple;
struct bpf_spin_lock;
struct bpf_sysctl;
struct bpf_tcp_sock;
struct bpf_tunnel_key;
struct bpf_xfrm_state;
struct tcphdr;
struct sk_reuseport_md;
struct sk_msg_md;
struct xdp_md;
struct path;
struct btf_ptr;
struct __sk_buff;

#endif
