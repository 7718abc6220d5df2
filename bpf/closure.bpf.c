// SPDX-License-Identifier: GPL-2.0-only
/* Who gave up a TCP endpoint, and how. */
#include "call.bpf.h"

/* Bytes received that no read took. close() drops the queue but leaves copied_seq (__tcp_close). A
 * subflow hands all to its MPTCP socket, which resets it before it drops its own queue
 * (__mptcp_close, 6.1 to 7.2). */
static __always_inline __u32 pt_unread_bytes(struct sock *sk, bool fin_received)
{
	struct tcp_sock *tp = (struct tcp_sock *)sk;
	struct sock *held = pt_program_socket(sk);
	__u32 unread;

	if (held != sk)
		return pt_mptcp_unread_bytes(held);
	unread = PT_READ(tp, rcv_nxt) - PT_READ(tp, copied_seq);
	return unread && fin_received ? unread - 1 : unread;
}

static __always_inline bool pt_lingers_zero(struct sock *sk)
{
	return ((PT_READ(sk, __sk_common.skc_flags) >> PT_SOCK_LINGER) & 1) &&
	       !PT_READ(sk, sk_lingertime);
}

/* In the order in which tcp_abort(), inet_csk_listen_stop(), tcp_close() and tcp_disconnect()
 * decide. tcp_close() has shut both directions down by then, a disconnect has not. */
static __always_inline __u8 pt_close_path(struct sock *sk, __u32 unread_bytes, int to)
{
	/* An MPTCP socket resets its subflows as if they lingered, whatever it does itself. */
	struct sock *held = pt_program_socket(sk);

	if (to != PT_TCP_CLOSE)
		return PT_PATH_CLOSE;
	if (PT_READ(sk, sk_err) == PT_ECONNABORTED)
		return PT_PATH_DESTROYED;
	if (!PT_READ(held, sk_socket) && (!pt_is_orphan(held) || !PT_READ(held, sk_shutdown)))
		return PT_PATH_LISTENER;
	if (BPF_CORE_READ_BITFIELD_PROBED((struct tcp_sock *)sk, repair))
		return PT_PATH_REPAIR;
	if (!PT_READ(held, sk_shutdown))
		return PT_PATH_DISCONNECT;
	return !unread_bytes && pt_lingers_zero(held) ? PT_PATH_LINGER_ZERO : PT_PATH_CLOSE;
}

static __always_inline void pt_fill_closure(struct pt_closure *out, struct sock *sk,
					    bool fin_received, int from, int to)
{
	struct task_struct *task = pt_current();
	struct pt_registers registers = {};

	out->at_ns = bpf_ktime_get_ns();
	if (pt_can_be_closer())
		pt_fill_task(&out->by, task);
	else
		__builtin_memset(&out->by, 0, sizeof(out->by));
	out->unread_bytes = pt_unread_bytes(sk, fin_received);
	out->call_number = pt_read_registers(&registers) ? registers.number : PT_NO_CALL;
	out->from_state = from;
	out->to_state = to;
	out->shutdown = PT_READ(pt_program_socket(sk), sk_shutdown);
	out->path = pt_close_path(sk, out->unread_bytes, to);
	pt_fill_ending(out, task);
}

/* An end is given up by a process: FIN_WAIT1 and LAST_ACK are entered only from close(), shutdown()
 * and exit; CLOSE also by the network, which either sets sk_err first or holds no owner's lock, and
 * by SOCK_DESTROY, whose error is ECONNABORTED (tcp_abort). A child that nobody accepted is closed
 * by its listener's closer without the lock (inet_csk_listen_stop) and has no struct socket. */
static __always_inline bool pt_is_given_up(struct sock *sk, int from, int to)
{
	if (to == PT_TCP_FIN_WAIT1 || (to == PT_TCP_LAST_ACK && from == PT_TCP_CLOSE_WAIT))
		return true;
	if (to != PT_TCP_CLOSE)
		return false;
	if (PT_READ(sk, sk_err))
		return PT_READ(sk, sk_err) == PT_ECONNABORTED && pt_owned_by_current(sk);
	if (from != PT_TCP_ESTABLISHED && from != PT_TCP_CLOSE_WAIT && from != PT_TCP_FIN_WAIT1 &&
	    from != PT_TCP_FIN_WAIT2 && from != PT_TCP_SYN_RECV)
		return false;
	return pt_owned_by_current(sk) || (!PT_READ(sk, sk_socket) && !pt_is_orphan(sk));
}

/* An end that had only been shut down is given up: close() enters its state again
 * (tcp_close_state), or CLOSE where it resets. With SOCK_DONE the peer's FIN may have closed it, in
 * whatever call of its holder. */
static __always_inline bool pt_is_given_up_later(struct sock *sk, int from, int to)
{
	if (from != PT_TCP_FIN_WAIT1 && from != PT_TCP_FIN_WAIT2 && from != PT_TCP_LAST_ACK)
		return false;
	if (from != to && (to != PT_TCP_CLOSE || PT_READ(sk, sk_err) ||
			   (PT_READ(sk, __sk_common.skc_flags) >> PT_SOCK_DONE) & 1))
		return false;
	return pt_owned_by_current(sk);
}

/* Of the act that ended an end's sending. */
struct pt_first_act {
	__u64 at_ns;
	__u32 tid;
	__u16 call_number;
	__u8 from_state;
	__u8 to_state;
	__u8 exiting;
};

/* Keeps how the connection's state went before, but for a reset. */
static __always_inline void pt_keep_first_act(struct pt_closure *closure,
					      const struct pt_first_act *first, int to)
{
	if (to != PT_TCP_CLOSE || (!closure->unread_bytes && closure->path == PT_PATH_CLOSE)) {
		closure->from_state = first->from_state;
		closure->to_state = first->to_state;
	}
	/* Still the same act: close() goes through several states. */
	if (closure->by.tid == first->tid && closure->call_number == first->call_number &&
	    closure->exiting == first->exiting)
		closure->at_ns = first->at_ns;
}

static __always_inline void pt_send_state(struct sock *sk, struct pt_kept *kept, int from, int to)
{
	struct pt_memory *memory = &kept->memory;
	struct pt_state_changed *record = pt_reserve(struct pt_state_changed, PT_STATE_CHANGED);

	if (!record)
		return;
	if (pt_owned_by_current(sk))
		pt_stamp_task(&record->header);
	__builtin_memcpy(&record->endpoint, &memory->endpoint, sizeof(record->endpoint));
	pt_fill_tcp(&record->tcp, sk, kept);
	__builtin_memcpy(&record->closure, &memory->closure, sizeof(record->closure));
	record->from_state = from;
	record->to_state = to;
	__builtin_memset(record->padding, 0, sizeof(record->padding));
	pt_submit(record);
}

/* An end may be given up now, or was before; with `surely` it is: a subflow, whose own state follows
 * that of its MPTCP socket. Global: the verifier looks into it once, not once for each state. */
__noinline int pt_end_changed(__u64 socket, __u64 id, __u32 from, __u32 to, __u32 surely)
{
	struct sock *sk = (struct sock *)socket;
	struct pt_kept *kept = pt_kept_of(id);
	struct pt_first_act first;
	struct pt_closure *closure;

	if (!kept)
		return 0;
	closure = &kept->memory.closure;
	first.at_ns = closure->at_ns;
	first.tid = closure->by.tid;
	first.call_number = closure->call_number;
	first.from_state = closure->from_state;
	first.to_state = closure->to_state;
	first.exiting = closure->exiting;
	if (first.at_ns ? kept->memory.reported || !(surely || pt_is_given_up_later(sk, from, to))
			: !(surely || pt_is_given_up(sk, from, to)))
		return 0;
	pt_fill_closure(closure, sk, kept->memory.fin_seen, from, to);
	if (first.at_ns)
		pt_keep_first_act(closure, &first, to);
	else if (kept->memory.reported) /* only a closure is news to a story that is being told
					   already */
		pt_send_state(sk, kept, from, to);
	return 0;
}
