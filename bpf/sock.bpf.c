// SPDX-License-Identifier: GPL-2.0-only
/* Pending errors raised, and the socket calls that took one. */
#include "unix.bpf.h"

#include <bpf/bpf_tracing.h>

#define PT_EAGAIN 11
#define PT_SOL_SOCKET 1
#define PT_SO_ERROR 4

/* Global: the state tracepoint, which has little room on 5.10, stands in for it there. */
__noinline int pt_raise_error(__u64 socket)
{
	struct sock *raised_on = (struct sock *)socket;
	struct sock *sk = pt_connection_of(raised_on);
	struct pt_error_raised *record;
	struct pt_kept *kept;
	__u64 id;

	record = pt_reserve(struct pt_error_raised, PT_ERROR_RAISED);
	if (!record)
		return 0;
	id = pt_endpoint_id(sk);
	kept = pt_kept_of(id);
	pt_fill_endpoint(&record->endpoint, sk, id);
	pt_fill_tcp(&record->tcp, sk, kept);
	record->tcp.error = PT_READ(raised_on, sk_err);
	if (pt_owned_by_current(sk)) {
		pt_stamp_task(&record->header);
		pt_fill_call_on(&record->call, sk);
	} else {
		__builtin_memset(&record->call, 0, sizeof(record->call));
		record->call.number = PT_NO_CALL;
		record->call.fd = -1;
	}
	pt_report_endpoint(socket, id, record->header.ktime_ns);
	pt_submit(record);
	return 0;
}

/* close() with SO_LINGER 0 raises ECONNRESET on the socket that goes with it (tcp_disconnect):
 * nobody is told. */
static __always_inline bool pt_is_for_nobody(struct sock *sk)
{
	struct file *file = PT_READ(sk, sk_socket, file);

	return PT_READ(sk, sk_err) == PT_ECONNRESET && pt_owned_by_current(sk) && file &&
	       pt_is_released(file);
}

/* connect() of no address tells nobody anything. One that fails disconnects too, and has marked the socket
 * unconnected before (__inet_stream_connect()). */
static __always_inline bool pt_is_disconnect(struct sock *sk)
{
	return !PT_READ(sk, sk_err) && pt_owned_by_current(sk) && PT_READ(sk, sk_socket, state) != SS_UNCONNECTED;
}

/* A program is told what its MPTCP socket reports: a subflow's error is that one's own, until it is handed on
 * (__mptcp_error_report and mptcp_check_fastclose, 6.1 to 7.2). */
static __always_inline bool pt_is_for_program(struct sock *sk)
{
	return pt_program_socket(sk) == sk || !PT_READ(sk, sk_err);
}

static __always_inline int pt_error_raised(struct sock *sk)
{
	struct sock *connection = pt_connection_of(sk);

	if (pt_is_tcp(connection) && (connection != sk || (pt_is_for_program(sk) && !pt_is_disconnect(sk))) &&
	    !pt_is_for_nobody(sk))
		pt_raise_error(pt_as_number(sk));
	return 0;
}

SEC("tp_btf/inet_sk_error_report")
int BPF_PROG(pt_inet_sk_error_report, struct sock *sk)
{
	pt_make_id(sk);
	return pt_error_raised(sk);
}

/* 5.10 has no sk_error_report(); sockets call this through a pointer. */
SEC("fentry/sock_def_error_report")
int BPF_PROG(pt_error_report_fentry, struct sock *sk)
{
	return pt_error_raised(sk);
}

SEC("kprobe/sock_def_error_report")
int BPF_KPROBE(pt_error_report_kprobe, struct sock *sk)
{
	return pt_error_raised(sk);
}

/* Counts a failure that is a repeat and has a place (repeats.h), which is its own until the socket is destroyed, or
 * connected anew: its cookie is not its id from then on. */
static __always_inline bool pt_is_repeat(struct sock *sk, __u8 error)
{
#if PT_DIRECT_READS
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 id = PT_READ(sk, __sk_common.skc_cookie.counter);
	__u64 failure = (__u32)task->pid | (__u64)error << 48;
	struct pt_repeats *place = pt_repeats_of(id, failure);
	__u64 tick = bpf_jiffies64();

	if (!id || !place || place->endpoint_id != id || place->task != pt_as_number(task))
		return false;
	failure |= (__u64)pt_number_in((struct pt_regs *)place->registers) << 32;
	if (place->failure != failure)
		return false;
	__sync_fetch_and_add(&place->count, 1);
	/* To read the clock takes as long as all the rest. */
	if (place->last_tick != tick) {
		place->last_tick = tick;
		place->last_ns = bpf_ktime_get_ns();
	}
	return true;
#else
	return false;
#endif
}

/* Global, for the stack: what calls it, and what it calls, share 512 bytes. */
__noinline int pt_call_failed(__u64 socket, __u32 error, __u32 direction, __u32 no_signal)
{
	struct sock *sk = (struct sock *)socket;
	struct pt_call_failed *record;
	struct pt_registers registers = {};
	__u16 number = pt_read_registers(&registers) ? registers.number : PT_NO_CALL;
	__u64 id = pt_endpoint_id(sk);
	__u32 *flags;

	if (!pt_is_first_failure(id, PT_KIND_TCP, number, error, false))
		return 0;
	flags = pt_watch_failed();
	record = pt_reserve(struct pt_call_failed, PT_CALL_FAILED);
	if (!record)
		return 0;
	pt_stamp_watched_task(&record->header, flags);
	pt_fill_endpoint(&record->endpoint, sk, id);
	pt_fill_tcp(&record->tcp, sk, pt_kept_of(id));
	pt_fill_call_on(&record->call, sk);
	record->error = error;
	record->direction = direction;
	record->no_signal = no_signal || (record->call.msg_flags & PT_MSG_NOSIGNAL);
	__builtin_memset(record->padding, 0, sizeof(record->padding));
	pt_report_endpoint(socket, id, record->header.ktime_ns);
	pt_submit(record);
	return 0;
}

/* To 5.10 the result of a global function is any number, and hooks return 0. */
static __always_inline int pt_tcp_call(struct sock *sk, int error, __u32 direction, __u32 no_signal)
{
	pt_call_failed(pt_as_number(sk), error, direction, no_signal);
	return 0;
}

static __always_inline int pt_unix_call(struct sock *sk, int error, __u32 direction)
{
	pt_unix_call_failed(pt_as_number(sk), error, direction);
	return 0;
}

/* Entry is enough: sk_stream_error(sk, flags, -EPIPE) returns the pending error if there is one and
 * else -EPIPE, and its caller holds the socket's lock (net/core/stream.c, 5.10 to 7.2). It also runs
 * for every EAGAIN of a full non-blocking socket. */
static __always_inline int pt_stream_error(struct sock *sk, int flags, int error)
{
	int pending;

	struct sock *connection = pt_connection_of(sk);

	if (error == -PT_EAGAIN || error >= 0 || !pt_is_tcp(connection))
		return 0;
	pending = PT_READ(sk, sk_err);
	if (error == -PT_EPIPE && pending)
		error = -pending;
	if (pt_is_repeat(connection, -error))
		return 0;
	return pt_tcp_call(connection, -error, PT_SEND, flags & PT_MSG_NOSIGNAL);
}

SEC("fentry/sk_stream_error")
int BPF_PROG(pt_stream_error_fentry, struct sock *sk, int flags, int error)
{
	return pt_stream_error(sk, flags, error);
}

SEC("kprobe/sk_stream_error")
int BPF_KPROBE(pt_stream_error_kprobe, struct sock *sk, int flags, int error)
{
	return pt_stream_error(sk, flags, error);
}

/* Apart from its callers, which run for every send and receive of the host: they compare, and need
 * no registers saved for that. */
static __noinline int pt_transfer_failed(struct sock *sk, int ret, __u32 direction)
{
	bool is_hooked = direction == PT_SEND && pt_config.tcp_sends_hooked;
	struct sock *connection;

	if (!is_hooked && pt_is_repeat(sk, -ret))
		return 0;
	if (!pt_is_connection_error(ret))
		return 0;
	if (pt_is_unix(sk))
		return pt_unix_call(sk, -ret, direction);
	connection = pt_connection_of(sk);
	if (!pt_is_tcp(connection) || is_hooked)
		return 0;
	if (connection == sk)
		pt_make_id(sk);
	return pt_tcp_call(connection, -ret, direction, false);
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(pt_sock_send_length, struct sock *sk, int ret)
{
	return ret < 0 ? pt_transfer_failed(sk, ret, PT_SEND) : 0;
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(pt_sock_recv_length, struct sock *sk, int ret)
{
	return ret < 0 ? pt_transfer_failed(sk, ret, PT_RECEIVE) : 0;
}

/* Where there is no sock_recv_length (before 6.12). */
static __always_inline int pt_receive_returned(unsigned long long *ctx)
{
	struct sock *connection;
	long ret;

	if (pt_config.recvmsg_return_argument == 6)
		ret = pt_context_argument(ctx, 6);
	else if (pt_config.recvmsg_return_argument == 5)
		ret = pt_context_argument(ctx, 5);
	else
		ret = pt_context_argument(ctx, 4);
	/* The function returns int: the upper half is not its own. */
	if ((int)ret >= 0 || !pt_is_connection_error(ret))
		return 0;
	connection = pt_connection_of((struct sock *)ctx[0]);
	return connection ? pt_tcp_call(connection, -(int)ret, PT_RECEIVE, false) : 0;
}

SEC("fexit/tcp_recvmsg")
int pt_recvmsg_fexit(unsigned long long *ctx)
{
	return pt_receive_returned(ctx);
}

SEC("fexit/mptcp_recvmsg")
int pt_mptcp_recvmsg_fexit(unsigned long long *ctx)
{
	return pt_receive_returned(ctx);
}

/* The socket is found through the descriptor, only when the call failed. */
static __always_inline int pt_receive_failed(int ret)
{
	struct sock *connection;
	struct pt_call call;
	struct file *file;

	if (ret >= 0 || !pt_is_connection_error(ret))
		return 0;
	file = pt_fill_call(&call);
	if (!file || pt_file_type(file) != PT_S_IFSOCK)
		return 0;
	connection = pt_sock_of_file(file);
	return connection ? pt_tcp_call(connection, -ret, PT_RECEIVE, false) : 0;
}

SEC("kretprobe/tcp_recvmsg")
int BPF_KRETPROBE(pt_recvmsg_kretprobe, int ret)
{
	return pt_receive_failed(ret);
}

SEC("kretprobe/mptcp_recvmsg")
int BPF_KRETPROBE(pt_mptcp_recvmsg_kretprobe, int ret)
{
	return pt_receive_failed(ret);
}

/* recvmmsg() takes a pending error before it receives (do_recvmmsg(), 5.10 to 7.2). Where a receive
 * in it failed, that was told already: the errors of a connection come once. */
static __always_inline int pt_batch_returned(int ret)
{
	struct pt_call call;
	struct file *file;
	struct sock *sk;
	bool is_unix;

	if (ret >= 0 || !pt_is_connection_error(ret))
		return 0;
	file = pt_fill_call(&call);
	if (!file || pt_file_type(file) != PT_S_IFSOCK)
		return 0;
	sk = pt_sock_of_file(file);
	is_unix = pt_is_unix(sk);
	if (!is_unix && !pt_is_tcp(sk))
		return 0;
	if (pt_was_told(is_unix ? PT_FILE_ID(PT_KIND_UNIX, pt_unix_inode(sk)) : pt_known_id(sk),
			call.number, -ret))
		return 0;
	return is_unix ? pt_unix_call(sk, -ret, PT_RECEIVE)
		       : pt_tcp_call(sk, -ret, PT_RECEIVE, false);
}

SEC("fexit/do_recvmmsg")
int pt_do_recvmmsg_fexit(unsigned long long *ctx)
{
	return pt_batch_returned(pt_context_argument(ctx, 5));
}

SEC("kretprobe/do_recvmmsg")
int BPF_KRETPROBE(pt_do_recvmmsg_kretprobe, int ret)
{
	return pt_batch_returned(ret);
}

/* Its caller, where the compiler put it into that. */
SEC("fexit/__sys_recvmmsg")
int pt_sys_recvmmsg_fexit(unsigned long long *ctx)
{
	return pt_batch_returned(pt_context_argument(ctx, 6));
}

SEC("kretprobe/__sys_recvmmsg")
int BPF_KRETPROBE(pt_sys_recvmmsg_kretprobe, int ret)
{
	return pt_batch_returned(ret);
}

/* getsockopt(SO_ERROR) takes sk_err and returns it (sock_error(), 5.10 to 7.2): entry is enough. */
static __always_inline int pt_error_asked(struct sock *sk, int level, int option)
{
	struct sock *connection;
	int pending;

	if (option != PT_SO_ERROR || level != PT_SOL_SOCKET)
		return 0;
	pending = BPF_CORE_READ(sk, sk_err);
	if (pending <= 0)
		return 0;
	if (pt_is_unix(sk))
		return pt_unix_call(sk, pending, PT_OTHER);
	connection = pt_connection_of(sk);
	if (!pt_is_tcp(connection))
		return 0;
	return pt_tcp_call(connection, pending, PT_OTHER, false);
}

SEC("fentry/sk_getsockopt")
int BPF_PROG(pt_sk_getsockopt_fentry, struct sock *sk, int level, int option)
{
	return pt_error_asked(sk, level, option);
}

SEC("kprobe/sk_getsockopt")
int BPF_KPROBE(pt_sk_getsockopt_kprobe, struct sock *sk, int level, int option)
{
	return pt_error_asked(sk, level, option);
}

/* Up to 6.6; there sk_getsockopt(), where it is, has more arguments than a trampoline takes. */
SEC("fentry/sock_getsockopt")
int BPF_PROG(pt_sock_getsockopt_fentry, struct socket *sock, int level, int option)
{
	return pt_error_asked(BPF_CORE_READ(sock, sk), level, option);
}

SEC("kprobe/sock_getsockopt")
int BPF_KPROBE(pt_sock_getsockopt_kprobe, struct socket *sock, int level, int option)
{
	return pt_error_asked(BPF_CORE_READ(sock, sk), level, option);
}
