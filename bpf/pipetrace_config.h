/* SPDX-License-Identifier: GPL-2.0-only */
/* What userspace tells the BPF programs before they run: no part of any record. Through pipetrace_abi.h. */
#ifndef PIPETRACE_CONFIG_H
#define PIPETRACE_CONFIG_H

/* Where a system call keeps what we want to know: argument number + 1, 0 none. */
struct pt_syscall_shape {
	__u8 fd_argument;
	__u8 bytes_argument;
	__u8 flags_argument;
	__u8 vector; /* PT_VECTOR_*: bytes are summed over an iovec in user memory */
};
#define PT_VECTOR_IOVEC 1 /* arguments 2 and 3 are iovec, count */
#define PT_VECTOR_MSGHDR 2 /* argument 2 is struct user_msghdr */
#define PT_SYSCALL_MAX 512

/* Set by userspace from what this kernel offers (source/kernel_features); const to the verifier. */
struct pt_config {
	__u8 has_cookie_helper; /* bpf_get_socket_cookie in tp_btf: >= 5.12 */
	__u8 has_task_regs_helper; /* bpf_task_pt_regs: >= 5.15 */
	__u8 has_jiffies_helper; /* bpf_jiffies64 in tracing programs */
	__u8 tcp_reset_has_skb; /* tcp_reset(sk, skb): >= 6.1, 5.10 (sk) */
	__u8 send_reset_has_reason; /* tp tcp_send_reset and tcp_v4_send_reset: >= 6.12 */
	__u8 active_reset_reason_argument; /* of tcp_send_active_reset: 0 none, else 1 or 2 */
	__u8 recvmsg_return_argument; /* ctx index of fexit tcp_recvmsg's return value */
	__u8 walk_pipes; /* no hook on pipe_release: look at fd tables on exec and exit */
	__u8 walk_unix; /* none on unix_release_sock: likewise */
	__u8 tcp_sends_hooked; /* by sk_stream_error: sock_send_length is there for unix sockets */
	__u8 drop_has_reason; /* tp kfree_skb(skb, location, reason): >= 5.17 */
	__u8 errors_by_state; /* no hook on error reports: a pending error is read as the socket closes */
	__u8 resets_hooked; /* tcp_reset() itself, not only the tracepoint in it */
	__u8 padding[3];
	__u64 filter_begin; /* without a reason: the code of nf_hook_slow(), where filters drop */
	__u64 filter_end;
};

/* Values of the map `watched`, by thread group id. */
#define PT_WATCH_TRACED 1 /* asked for; children inherit it with PT_WATCH_FOLLOW */
#define PT_WATCH_FOLLOW 2
#define PT_WATCH_FAILED 4 /* met a failure: its end is part of the story */

#endif
