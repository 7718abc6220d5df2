/* SPDX-License-Identifier: GPL-2.0-only */
/* The record layouts that the BPF programs write and the decoder reads: the only header that
 * both languages include. Every field is fixed-width, padding is explicit and zero, and sizes are
 * asserted. Change a layout: raise PT_ABI_VERSION. Times are CLOCK_MONOTONIC ns, ports host order. */
#ifndef PIPETRACE_ABI_H
#define PIPETRACE_ABI_H

#ifndef __bpf__
#include <linux/types.h>
#endif

#define PT_ABI_VERSION 9
#define PT_COMM_LEN 16

enum pt_record_kind {
	PT_RESET_RECEIVED = 1,
	PT_RESET_SENT = 2,
	PT_ERROR_RAISED = 3,
	PT_CALL_FAILED = 4,
	PT_SIGPIPE_GENERATED = 5,
	PT_SIGPIPE_DELIVERED = 6,
	PT_ENDPOINT_REMEMBERED = 7,
	PT_STATE_CHANGED = 8,
	PT_ENDPOINT_DESTROYED = 9,
	PT_FAILURES_COUNTED = 10,
	PT_OTHER_END_SEEN = 11,
	PT_PROCESS_FORKED = 12,
	PT_PROCESS_EXECUTED = 13,
	PT_PROCESS_EXITED = 14,
	PT_PACKET_FILTERED = 15,
	PT_UNIX_NAMED = 16,
	PT_SAMPLING_CHANGED = 17, /* made in userspace */
	PT_RECORD_KIND_COUNT = 18,
};

enum pt_endpoint_kind { PT_KIND_NONE = 0, PT_KIND_TCP = 1, PT_KIND_UNIX = 2, PT_KIND_PIPE = 3 };

/* Of a pipe or a unix socket: its inode's number, which could be some socket's cookie too. */
#define PT_FILE_ID_KIND_SHIFT 60
#define PT_FILE_ID_INODE 0xffffffffffffffULL
#define PT_FILE_ID(kind, inode) (((__u64)(kind) << PT_FILE_ID_KIND_SHIFT) | (inode))

/* pt_header.flags */
#define PT_TRACED 0x1 /* the task belongs to the processes asked for */

#define PT_NO_CALL 0xffff /* pt_call.number: not known */
#define PT_NO_AGE 0xffffffffffffffffULL
#define PT_NO_COUNT 0xffffffffffffffffULL

/* tgid 0: the kernel was not working for any process (softirq, timer). */
struct pt_task {
	__u64 start_boottime_ns; /* of the thread group leader */
	__u64 cgroup_id;
	__u32 tgid;
	__u32 tid;
	__u32 parent_tgid;
	__u32 uid;
	__u32 namespace_tgid;
	__u32 padding;
	char process_comm[PT_COMM_LEN];
	char thread_comm[PT_COMM_LEN];
};

struct pt_header {
	__u16 kind;
	__u16 size; /* of the whole record */
	__u32 flags;
	__u64 ktime_ns;
	struct pt_task task;
};

/* Addresses are IPv6, or IPv4 as ::ffff:a.b.c.d. */
struct pt_endpoint {
	__u64 id; /* socket cookie, own socket id, or PT_FILE_ID; 0: no socket */
	__u32 netns;
	__u16 local_port;
	__u16 remote_port;
	__u8 local[16];
	__u8 remote[16];
	__u8 kind; /* enum pt_endpoint_kind */
	__u8 state; /* TCP state */
	__u8 padding[6];
};

/* struct tcp_sock and struct sock, raw. */
struct pt_tcp {
	__u64 bytes_sent; /* with retransmissions */
	__u64 bytes_retrans;
	__u64 bytes_received; /* a FIN counts one */
	__u64 last_sent_ago_ticks; /* PT_NO_AGE: never or not known */
	__u64 last_received_ago_ticks;
	__u64 unacked_sent_ns; /* send time of the only unacknowledged segment; else 0 */
	__u32 snd_nxt;
	__u32 snd_una;
	__u32 rcv_nxt;
	__u32 copied_seq;
	__u32 srtt_us; /* as the kernel keeps it, times 8 */
	__u32 retransmits;
	__u32 user_timeout_ms;
	__s32 error; /* sk_err */
	__s32 soft_error;
	__u8 shutdown; /* sk_shutdown */
	__u8 fin_received; /* counted in rcv_nxt and bytes_received */
	__u8 timeouts; /* icsk_retransmits: of the segment that is not acknowledged */
	__u8 probes_out; /* icsk_probes_out: keepalive or window probes without an answer */
	__u32 unsent; /* write_seq - snd_nxt */
	__u8 keepalive; /* SO_KEEPALIVE */
	__u8 sent_again; /* what unacked_sent_ns is of had been sent before */
	__u8 padding[2];
};

struct pt_call {
	__s64 bytes; /* asked for; -1 not known */
	__s32 fd; /* that refers to the endpoint; -1 not known */
	__u32 msg_flags;
	__u16 number; /* system call; PT_NO_CALL not known */
	__u8 padding[6];
};

/* What a connection's end went through, where more than a plain close(), shutdown() or exit. */
#define PT_PATH_CLOSE 0
#define PT_PATH_LINGER_ZERO 1 /* SO_LINGER with a time of 0 */
#define PT_PATH_DISCONNECT 2 /* connect(AF_UNSPEC) */
#define PT_PATH_LISTENER 3 /* not accepted yet when its listener was closed */
#define PT_PATH_DESTROYED 4 /* SOCK_DESTROY (`ss -K`) */
#define PT_PATH_REPAIR 5 /* TCP_REPAIR: gone without a packet */
#define PT_UNREAD_SOME 0xffffffff

/* The first act that ended an end's sending, and of the one who then gave up an end that was only shut down
 * that act; or what ended a pipe's reading. at_ns 0: none. */
struct pt_closure {
	__u64 at_ns;
	struct pt_task by;
	__u32 unread_bytes; /* PT_UNREAD_SOME: how many is not known */
	__u16 call_number;
	__u8 from_state;
	__u8 to_state;
	__u8 shutdown;
	__u8 exiting;
	__u8 signal; /* that ends the process; with exiting */
	__u8 path; /* PT_PATH_* */
	__u8 oom; /* the signal is the OOM killer's */
	__u8 exit_status; /* with exiting and no signal */
	__u8 padding[2];
};

#define PT_PACKET_SEEN 1
struct pt_reset_received {
	struct pt_header header;
	struct pt_endpoint endpoint;
	struct pt_tcp tcp;
	__u32 seq;
	__u8 packet; /* PT_PACKET_SEEN: the next fields hold */
	__u8 ttl;
	__u8 handshake_ttl;
	__u8 tcp_flags;
	__u16 window;
	__u8 subflow; /* of an MPTCP socket, which its program is told of only if that socket reports an error */
	__u8 padding[5];
};

#define PT_REASON_UNKNOWN 0xffff
struct pt_reset_sent {
	struct pt_header header;
	struct pt_endpoint endpoint;
	struct pt_tcp tcp;
	__u16 reason; /* enum sk_rst_reason; PT_REASON_UNKNOWN before 6.12 */
	__u8 active;
	__u8 provoking_flags;
	__u16 provoking_bytes; /* payload of the answered segment, 0xffff at most */
	__u8 peer_here; /* it goes to this host itself, or to an end that is known here */
	__u8 seq_known;
	__u32 seq; /* of the RST itself */
	__u8 padding[4];
};

struct pt_error_raised {
	struct pt_header header;
	struct pt_endpoint endpoint;
	struct pt_tcp tcp;
	struct pt_call call; /* set where the task itself was inside a call on this socket */
};

enum pt_direction { PT_OTHER = 0, PT_SEND = 1, PT_RECEIVE = 2 };
struct pt_call_failed {
	struct pt_header header;
	struct pt_endpoint endpoint;
	struct pt_tcp tcp;
	struct pt_call call;
	__s32 error; /* positive errno */
	__u8 direction; /* enum pt_direction */
	__u8 no_signal; /* MSG_NOSIGNAL */
	__u8 padding[2];
};

enum pt_disposition { PT_DEFAULT = 0, PT_IGNORE = 1, PT_HANDLER = 2 };
enum pt_taken { PT_TAKEN_UNKNOWN = 0, PT_TAKEN_NONE = 1, PT_TAKEN_SOME = 2 }; /* by a pipe, of the write */
struct pt_sigpipe_generated {
	struct pt_header header;
	struct pt_endpoint endpoint;
	struct pt_tcp tcp;
	struct pt_call call;
	__u64 written_bytes; /* task->ioac.wchar; PT_NO_COUNT: this kernel does not count */
	__u8 disposition; /* enum pt_disposition */
	__u8 blocked;
	__u8 result; /* TRACE_SIGNAL_* */
	__u8 taken;  /* enum pt_taken */
	__u8 padding[4];
};

struct pt_sigpipe_delivered {
	struct pt_header header;
	__u64 written_bytes;
	__u8 disposition;
	__u8 kills;
	__u8 padding[6];
};

/* What is kept of every connection until somebody needs it (map value and record body). */
struct pt_memory {
	struct pt_endpoint endpoint; /* the state is the last one seen */
	struct pt_task owner;
	__u64 opened_ns;
	__u64 fin_received_ns;
	__u32 snd_nxt_at_fin;
	__u8 fin_seen;
	__u8 older_than_trace;
	__u8 passive;
	__u8 handshake_ttl;
	__u8 reported : 1; /* changes are sent as records from now on */
	__u8 reset_hooked : 1; /* by a hook on tcp_reset(): the tracepoint in it adds nothing */
	__u8 rst_tcp_flags; /* of a RST that tcp_rcv_state_process was given; 0 none */
	__u8 rst_ttl;
	__u8 held_at_close; /* a program still held it when its connection ended */
	__u32 rst_seq;
	__u16 rst_window;
	__u8 closed_from; /* the TCP state that CLOSE was entered from; 0 not closed */
	__u8 padding;
	__u32 answered; /* when it was last sent for a RST that answers what came after it, in 2^30 ns */
	struct pt_closure closure;
};

struct pt_endpoint_remembered {
	struct pt_header header;
	struct pt_memory memory;
};

struct pt_state_changed {
	struct pt_header header;
	struct pt_endpoint endpoint;
	struct pt_tcp tcp;
	struct pt_closure closure;
	__u8 from_state;
	__u8 to_state;
	__u8 padding[6];
};

struct pt_endpoint_destroyed {
	struct pt_header header;
	struct pt_endpoint endpoint;
	struct pt_tcp tcp;
};

/* Repeats of one failure: the first is a record, the rest only count. */
#define PT_COUNT_SLOTS 6
struct pt_failure_count {
	__u64 count;
	__u64 last_ns;
	__u32 tid;
	__u16 call_number;
	__u8 error; /* positive errno; with is_sigpipe PT_TAKEN_SOME or 0 */
	__u8 is_sigpipe;
};
struct pt_failure_counts {
	__u64 endpoint_id;
	__u32 tgid;
	__u8 endpoint_kind;
	__u8 padding[3];
	struct pt_failure_count slots[PT_COUNT_SLOTS];
};
struct pt_failures_counted {
	struct pt_header header;
	struct pt_failure_counts counts;
};

/* Who held the other end of a pipe or a unix socket, and how it went. */
enum pt_other_end { PT_END_UNKNOWN = 0, PT_END_OPEN = 1, PT_END_GONE = 2 };
struct pt_other_end_seen {
	struct pt_header header;
	struct pt_endpoint endpoint; /* the end that failed */
	struct pt_closure closure; /* at_ns 0: still held by `by` when last seen */
	struct pt_closure own; /* unix: the shutdown() of the failed end's own sending */
	__u8 last_holder; /* its going ended the other end; or it was the only one when last seen */
	__u8 other_end; /* unix: enum pt_other_end */
	__u8 socket_type; /* unix: SOCK_STREAM 1, SOCK_DGRAM 2, SOCK_SEQPACKET 5 */
	__u8 before_trace; /* unix: the other end was gone when the trace began */
	__u8 padding[4];
};

/* The names of a unix socket's two ends: sun_path, an abstract one with its leading 0. Length 0: none. */
#define PT_UNIX_PATH_LEN 108
struct pt_unix_named {
	struct pt_header header;
	struct pt_endpoint endpoint;
	__u16 local_length;
	__u16 remote_length;
	__u8 is_target; /* `remote` is where this one message was to go: the socket is not connected */
	__u8 padding[3];
	char local[PT_UNIX_PATH_LEN];
	char remote[PT_UNIX_PATH_LEN];
};

struct pt_packet_filtered {
	struct pt_header header;
	struct pt_endpoint endpoint; /* whose segments a packet filter of this host dropped */
	__u64 last_ns;
	__u64 count;
};

struct pt_process_forked {
	struct pt_header header;
	struct pt_task child;
};
struct pt_process_executed {
	struct pt_header header;
};
struct pt_process_exited {
	struct pt_header header;
	__s32 exit_code; /* wait status */
	__u32 padding;
};

/* `serve` tells a share of all connections from now on, and counts the others. */
struct pt_sampling_changed {
	struct pt_header header;
	__u64 counted_only; /* incidents so far */
	__u32 share_millionths; /* 1,000,000: all */
	__u32 padding;
};

#include "pipetrace_config.h"

#ifdef __cplusplus
#define PT_ASSERT(condition) static_assert(condition, #condition)
#else
#define PT_ASSERT(condition) _Static_assert(condition, #condition)
#endif
PT_ASSERT(sizeof(struct pt_config) == 32);
PT_ASSERT(sizeof(struct pt_task) == 72);
PT_ASSERT(sizeof(struct pt_header) == 88);
PT_ASSERT(sizeof(struct pt_endpoint) == 56);
PT_ASSERT(sizeof(struct pt_tcp) == 96);
PT_ASSERT(sizeof(struct pt_call) == 24);
PT_ASSERT(sizeof(struct pt_closure) == 96);
PT_ASSERT(sizeof(struct pt_memory) == 264);
PT_ASSERT(sizeof(struct pt_failure_count) == 24);
PT_ASSERT(sizeof(struct pt_failure_counts) == 160);
PT_ASSERT(sizeof(struct pt_reset_received) == 256);
PT_ASSERT(sizeof(struct pt_reset_sent) == 256);
PT_ASSERT(sizeof(struct pt_error_raised) == 264);
PT_ASSERT(sizeof(struct pt_call_failed) == 272);
PT_ASSERT(sizeof(struct pt_sigpipe_generated) == 280);
PT_ASSERT(sizeof(struct pt_sigpipe_delivered) == 104);
PT_ASSERT(sizeof(struct pt_endpoint_remembered) == 352);
PT_ASSERT(sizeof(struct pt_state_changed) == 344);
PT_ASSERT(sizeof(struct pt_endpoint_destroyed) == 240);
PT_ASSERT(sizeof(struct pt_failures_counted) == 248);
PT_ASSERT(sizeof(struct pt_other_end_seen) == 344);
PT_ASSERT(sizeof(struct pt_unix_named) == 368);
PT_ASSERT(sizeof(struct pt_packet_filtered) == 160);
PT_ASSERT(sizeof(struct pt_process_forked) == 160);
PT_ASSERT(sizeof(struct pt_process_exited) == 96);
PT_ASSERT(sizeof(struct pt_sampling_changed) == 104);

#endif
