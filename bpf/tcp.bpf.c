// SPDX-License-Identifier: GPL-2.0-only
/* The life of a TCP endpoint: who opened it, when the FIN came, who closed it and how. It is kept
 * in the `endpoints` table and becomes records only where something failed. */
#include "call.bpf.h"
#include "packet.bpf.h"

#include <bpf/bpf_tracing.h>

/* Over loopback both ends are here: the second to be established finds the first, and neither is
 * looked for by its address again. */
static __always_inline bool pt_meet_peer(struct pt_kept *kept)
{
	const struct pt_endpoint *e = &kept->memory.endpoint;
	struct pt_address_key key;
	struct pt_kept *peer;
	__u64 *found;
	__u64 id;

	pt_fill_key(&key, e, true);
	found = bpf_map_lookup_elem(&by_address, &key);
	if (!found || *found == e->id)
		return false;
	id = *found;
	peer = pt_kept_of(id);
	/* A socket that was connected elsewhere meanwhile is not the one. */
	if (!peer || peer->gone || peer->peer_id ||
	    peer->memory.endpoint.local_port != e->remote_port ||
	    peer->memory.endpoint.remote_port != e->local_port)
		return false;
	kept->peer_id = id;
	peer->peer_id = e->id;
	bpf_map_delete_elem(&by_address, &key);
	return true;
}

static __always_inline void pt_index_by_address(struct pt_kept *kept)
{
	const struct pt_endpoint *e = &kept->memory.endpoint;
	struct pt_address_key key;
	__u64 id = e->id;

	if (pt_is_over_loopback(e) && pt_meet_peer(kept))
		return;
	pt_fill_key(&key, e, false);
	bpf_map_update_elem(&by_address, &key, &id, BPF_ANY);
}

/* Bytes received that no read took. close() drops the queue but leaves copied_seq (__tcp_close). A
 * subflow hands all to its MPTCP socket, which resets it before it drops its own queue
 * (__mptcp_close, 6.1 to 7.2). */
static __always_inline __u32 pt_unread_bytes(struct sock *sk, bool fin_received)
{
	struct tcp_sock *tp = (struct tcp_sock *)sk;
	struct sock *held = pt_program_socket(sk);
	__u32 unread = PT_READ(tp, rcv_nxt) - PT_READ(tp, copied_seq);

	if (held != sk)
		return pt_mptcp_unread_packets(held) ? PT_UNREAD_SOME : 0;
	return unread && fin_received ? unread - 1 : unread;
}

/* SOCK_DEAD: no program holds it any more. */
static __always_inline bool pt_is_orphan(struct sock *sk)
{
	return (PT_READ(sk, __sk_common.skc_flags) >> PT_SOCK_DEAD) & 1;
}

static __always_inline bool pt_lingers_zero(struct sock *sk)
{
	return ((PT_READ(sk, __sk_common.skc_flags) >> PT_SOCK_LINGER) & 1) &&
	       !PT_READ(sk, sk_lingertime);
}

/* In the order in which tcp_abort(), inet_csk_listen_stop(), tcp_close() and tcp_disconnect() decide.
 * tcp_close() has shut both directions down by then, a disconnect has not. */
static __always_inline __u8 pt_close_path(struct sock *sk, __u32 unread_bytes, int to)
{
	/* An MPTCP socket resets its subflows as if they lingered, whatever it does itself. */
	struct sock *held = pt_program_socket(sk);

	if (to != PT_TCP_CLOSE)
		return PT_PATH_CLOSE;
	if (PT_READ(sk, sk_err) == PT_ECONNABORTED)
		return PT_PATH_DESTROYED;
	if (!PT_READ(held, sk_socket) && !pt_is_orphan(held))
		return PT_PATH_LISTENER;
	if (BPF_CORE_READ_BITFIELD_PROBED((struct tcp_sock *)sk, repair))
		return PT_PATH_REPAIR;
	if (!PT_READ(held, sk_shutdown))
		return PT_PATH_DISCONNECT;
	return !unread_bytes && pt_lingers_zero(held) ? PT_PATH_LINGER_ZERO : PT_PATH_CLOSE;
}

static __always_inline void pt_fill_closure(struct pt_closure *out, struct sock *sk, bool fin_received,
					    int from, int to)
{
	struct task_struct *task = pt_current();
	struct pt_registers registers = {};

	out->at_ns = bpf_ktime_get_ns();
	if (pt_can_be_closer())
		pt_fill_task(&out->by, task);
	out->unread_bytes = pt_unread_bytes(sk, fin_received);
	out->call_number = pt_read_registers(&registers) ? registers.number : PT_NO_CALL;
	out->from_state = from;
	out->to_state = to;
	out->shutdown = PT_READ(sk, sk_shutdown);
	out->path = pt_close_path(sk, out->unread_bytes, to);
	pt_fill_ending(out, task);
}

/* An end is given up by a process: FIN_WAIT1 and LAST_ACK are entered only from close(), shutdown()
 * and exit; CLOSE also by the network, which either sets sk_err first or holds no owner's lock, and by
 * SOCK_DESTROY, whose error is ECONNABORTED (tcp_abort). A
 * child that nobody accepted is closed by its listener's closer without the lock
 * (inet_csk_listen_stop) and has no struct socket. */
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

/* An end that had only been shut down is given up: close() enters its state again (tcp_close_state), or CLOSE
 * where it resets. With SOCK_DONE the peer's FIN may have closed it, in whatever call of its holder. */
static __always_inline bool pt_is_given_up_later(struct sock *sk, int from, int to)
{
	if (from != PT_TCP_FIN_WAIT1 && from != PT_TCP_FIN_WAIT2 && from != PT_TCP_LAST_ACK)
		return false;
	if (from != to && (to != PT_TCP_CLOSE || PT_READ(sk, sk_err) ||
			   (PT_READ(sk, __sk_common.skc_flags) >> PT_SOCK_DONE) & 1))
		return false;
	return pt_owned_by_current(sk);
}

/* Keeps how the connection's state went before, but for a reset. */
static __always_inline void pt_refill_closure(struct pt_closure *closure, struct sock *sk, bool fin_received,
					      int from, int to)
{
	__u32 tid = closure->by.tid;
	__u16 call_number = closure->call_number;
	__u8 from_state = closure->from_state;
	__u8 to_state = closure->to_state;
	__u8 exiting = closure->exiting;
	__u64 at_ns = closure->at_ns;

	pt_fill_closure(closure, sk, fin_received, from, to);
	if (to != PT_TCP_CLOSE || (!closure->unread_bytes && closure->path == PT_PATH_CLOSE)) {
		closure->from_state = from_state;
		closure->to_state = to_state;
	}
	/* Still the same act: close() goes through several states. */
	if (closure->by.tid == tid && closure->call_number == call_number && closure->exiting == exiting)
		closure->at_ns = at_ns;
}

static __always_inline void pt_update_kept(struct pt_kept *kept, struct sock *sk, int from, int to)
{
	struct pt_memory *memory = &kept->memory;

	switch (to) {
	case PT_TCP_SYN_SENT:
		kept->peer_id = 0;
		memory->opened_ns = bpf_ktime_get_ns();
		pt_fill_task(&memory->owner, pt_current());
		break;
	case PT_TCP_ESTABLISHED:
		if (!memory->opened_ns)
			memory->opened_ns = bpf_ktime_get_ns();
		memory->passive = from == PT_TCP_SYN_RECV && !memory->owner.tgid;
		pt_index_by_address(kept);
		break;
	case PT_TCP_CLOSE_WAIT:
	case PT_TCP_CLOSING:
		memory->fin_received_ns = bpf_ktime_get_ns();
		memory->fin_seen = 1;
		memory->snd_nxt_at_fin = PT_READ((struct tcp_sock *)sk, snd_nxt);
		break;
	}
	if (to == PT_TCP_CLOSE) {
		memory->held_at_close = !pt_is_orphan(sk);
		memory->closed_from = from;
	}
	if (!memory->closure.at_ns) {
		if (pt_is_given_up(sk, from, to))
			pt_fill_closure(&memory->closure, sk, memory->fin_seen, from, to);
	} else if (!memory->reported && pt_is_given_up_later(sk, from, to)) {
		pt_refill_closure(&memory->closure, sk, memory->fin_seen, from, to);
	}
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

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(pt_inet_sock_set_state, struct sock *sk, int from, int to)
{
	struct pt_memory *memory;
	struct pt_kept *kept;
	bool closed_before;
	__u64 id;

	if (PT_READ(sk, sk_protocol) != PT_IPPROTO_TCP || to == PT_TCP_LISTEN ||
	    from == PT_TCP_LISTEN)
		return 0;
	/* An unconnected socket that closes has no story. */
	if (from == PT_TCP_CLOSE && to != PT_TCP_SYN_SENT)
		return 0;
	id = pt_make_id(sk);
	kept = pt_keep(id);
	if (!kept)
		return 0;
	memory = &kept->memory;
	/* A connection begins with it: nothing can have failed before. */
	if (!memory->endpoint.id && (to == PT_TCP_SYN_SENT || from == PT_TCP_SYN_RECV))
		kept->may_be_counted = 0;
	pt_fill_endpoint(&memory->endpoint, sk, id);
	memory->endpoint.state = to;
	closed_before = memory->closure.at_ns != 0;
	pt_update_kept(kept, sk, from, to);
	if (pt_config.errors_by_state && to == PT_TCP_CLOSE && PT_READ(sk, sk_err))
		pt_raise_error(pt_as_number(sk));
	/* Only a closure is news to a story that is being told already. */
	if (memory->reported && !closed_before && memory->closure.at_ns)
		pt_send_state(sk, kept, from, to);
	return 0;
}

/* How often what failed on the endpoint has failed. False: nothing was counted. */
static __always_inline bool pt_tell_counts(__u64 id)
{
	struct pt_failure_counts *counts = bpf_map_lookup_elem(&failing, &id);
	struct pt_failures_counted *record;

	if (!counts)
		return false;
	record = pt_reserve(struct pt_failures_counted, PT_FAILURES_COUNTED);
	if (record) {
		__builtin_memcpy(&record->counts, counts, sizeof(*counts));
		pt_submit(record);
	}
	bpf_map_delete_elem(&failing, &id);
	return true;
}

static __always_inline void pt_tell_end(struct pt_kept *kept, struct sock *sk, __u64 id)
{
	struct pt_endpoint_destroyed *record;

	record = pt_reserve(struct pt_endpoint_destroyed, PT_ENDPOINT_DESTROYED);
	if (!record)
		return;
	/* Userspace forgets it soon; what meets its other end later wants to know of it again. */
	if (kept) {
		kept->memory.reported = 0;
		kept->gone_ns = record->header.ktime_ns;
	}
	/* Its connection had ended in a program's hands, so only that program's close can destroy
	 * it. */
	if (kept && kept->memory.held_at_close && pt_can_be_closer())
		pt_stamp_task(&record->header);
	pt_fill_endpoint(&record->endpoint, sk, id);
	pt_fill_tcp(&record->tcp, sk, kept);
	pt_submit(record);
}

/* Of two ends over loopback nothing can be asked once both have gone. Whatever else goes is dropped
 * when there is no room, which costs the newcomer more. */
static __always_inline void pt_let_go(struct pt_kept *kept, __u64 id)
{
	__u64 peer_id = kept->peer_id;
	struct pt_kept *peer = peer_id ? pt_kept_of(peer_id) : 0;

	if (!peer || !peer->gone || peer->peer_id != id) {
		kept->gone = 1;
		return;
	}
	bpf_map_delete_elem(&endpoints, &peer_id);
	bpf_map_delete_elem(&endpoints, &id);
}

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(pt_tcp_destroy_sock, struct sock *sk)
{
	struct pt_kept *kept;
	__u64 pointer = (__u64)sk;
	__u64 id = pt_known_id(sk);
	bool failed = false;

	if (pt_ids_given)
		bpf_map_delete_elem(&ids, &pointer);
	if (!id)
		return 0;
	kept = pt_kept_of(id);
	if (!kept || kept->may_be_counted)
		failed = pt_tell_counts(id);
	if (failed || (kept && (kept->memory.reported || kept->told[0])))
		pt_tell_end(kept, sk, id);
	if (kept)
		pt_let_go(kept, id);
	return 0;
}

/* Who accepted. Attached where the kernel allows it; elsewhere the closer or the fd table tells. */
static __always_inline int pt_accepted(struct sock *sk)
{
	struct pt_kept *kept;

	if (!sk)
		return 0;
	kept = pt_kept_of(pt_known_id(sk));
	if (kept)
		pt_fill_task(&kept->memory.owner, pt_current());
	return 0;
}

SEC("fexit/inet_csk_accept")
int pt_accept_fexit(unsigned long long *ctx)
{
	/* The return value follows the arguments: 4 up to 6.1, 2 from 6.12. */
	if (pt_config.send_reset_has_reason)
		return pt_accepted((struct sock *)pt_context_argument(ctx, 2));
	return pt_accepted((struct sock *)pt_context_argument(ctx, 4));
}

SEC("kretprobe/inet_csk_accept")
int BPF_KRETPROBE(pt_accept_kretprobe, struct sock *sk)
{
	return pt_accepted(sk);
}

/* The handshake's own packet shows the TTL that the peer's packets have when nobody interferes; and a
 * RST passes here on its way to tcp_reset(), which has no packet before 6.1. */
static __always_inline int pt_segment_outside_established(struct sock *sk, struct sk_buff *skb)
{
	__u8 state = BPF_CORE_READ(sk, __sk_common.skc_state);
	struct pt_kept *kept;
	__u8 flags = pt_tcp_flags(skb);

	if (flags & PT_TCP_RST) {
		kept = pt_kept_of(pt_known_id(sk));
		if (kept) {
			kept->memory.rst_tcp_flags = flags;
			kept->memory.rst_ttl = pt_packet_ttl(skb);
			kept->memory.rst_seq = pt_tcp_seq(skb);
			kept->memory.rst_window = pt_tcp_window(skb);
		}
		return 0;
	}
	/* A RST that was not accepted must not pass for the segment that ends the connection later. */
	if (!pt_config.tcp_reset_has_skb) {
		kept = pt_kept_of(pt_known_id(sk));
		if (kept)
			kept->memory.rst_tcp_flags = 0;
	}
	if (state != PT_TCP_SYN_SENT && state != PT_TCP_SYN_RECV)
		return 0;
	kept = pt_keep(pt_endpoint_id(sk));
	if (kept)
		kept->memory.handshake_ttl = pt_packet_ttl(skb);
	return 0;
}

SEC("fentry/tcp_rcv_state_process")
int BPF_PROG(pt_rcv_state_fentry, struct sock *sk, struct sk_buff *skb)
{
	return pt_segment_outside_established(sk, skb);
}

SEC("kprobe/tcp_rcv_state_process")
int BPF_KPROBE(pt_rcv_state_kprobe, struct sock *sk, struct sk_buff *skb)
{
	return pt_segment_outside_established(sk, skb);
}
