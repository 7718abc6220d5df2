// SPDX-License-Identifier: GPL-2.0-only
/* RSTs received and sent. */
#include "call.bpf.h"
#include "packet.bpf.h"

#include <bpf/bpf_tracing.h>

static __always_inline void pt_fill_segment(struct pt_reset_received *record, struct pt_memory *memory,
					    struct sk_buff *skb)
{
	record->packet = 0;
	record->seq = 0;
	record->ttl = 0;
	record->tcp_flags = 0;
	record->window = 0;
	__builtin_memset(record->padding, 0, sizeof(record->padding));
	record->handshake_ttl = memory ? memory->handshake_ttl : 0;
	if (skb) {
		record->packet = PT_PACKET_SEEN;
		record->seq = pt_tcp_seq(skb);
		record->ttl = pt_packet_ttl(skb);
		record->tcp_flags = pt_tcp_flags(skb);
		record->window = pt_tcp_window(skb);
	} else if (memory && memory->rst_tcp_flags && record->endpoint.state != PT_TCP_ESTABLISHED) {
		record->packet = PT_PACKET_SEEN;
		record->seq = memory->rst_seq;
		record->ttl = memory->rst_ttl;
		record->tcp_flags = memory->rst_tcp_flags;
		record->window = memory->rst_window;
	}
}

/* tcp_reset() also runs when no RST came: the kernel ends a socket in FIN_WAIT whose owner shut
 * down receiving when data arrives after all. With the segment at hand its flags tell. */
static __always_inline int pt_reset_received(struct sock *sk, struct sk_buff *skb, bool has_segment)
{
	struct sock *held = pt_program_socket(sk);
	struct pt_reset_received *record;
	struct pt_kept *kept;
	__u64 id;

	if (has_segment && !(pt_tcp_flags(skb) & PT_TCP_RST))
		return 0;
	/* The story is told of an MPTCP socket's first subflow. */
	if (held != sk && pt_connection_of(held) != sk)
		return 0;
	id = pt_endpoint_id(sk);
	record = pt_reserve(struct pt_reset_received, PT_RESET_RECEIVED);
	if (!record)
		return 0;
	pt_fill_endpoint(&record->endpoint, sk, id);
	kept = pt_kept_of(id);
	pt_fill_tcp(&record->tcp, sk, kept);
	pt_fill_segment(record, kept ? &kept->memory : 0, has_segment ? skb : 0);
	record->subflow = held != sk;
	pt_report_endpoint(pt_as_number(sk), id, record->header.ktime_ns);
	pt_submit(record);
	return 0;
}

/* The hook on tcp_reset() itself, which is skipped where it meets a program at work on its CPU. The
 * tracepoint inside the function follows at once and stands in. */
static __always_inline int pt_reset_hooked(struct sock *sk, struct sk_buff *skb)
{
	struct pt_kept *kept = pt_kept_of(pt_known_id(sk));

	if (kept)
		kept->memory.reset_hooked = 1;
	return pt_reset_received(sk, skb, pt_config.tcp_reset_has_skb);
}

SEC("fentry/tcp_reset")
int pt_tcp_reset_fentry(unsigned long long *ctx)
{
	if (pt_config.tcp_reset_has_skb)
		return pt_reset_hooked((struct sock *)ctx[0], (struct sk_buff *)ctx[1]);
	return pt_reset_hooked((struct sock *)ctx[0], 0);
}

SEC("kprobe/tcp_reset")
int BPF_KPROBE(pt_tcp_reset_kprobe, struct sock *sk, struct sk_buff *skb)
{
	return pt_reset_hooked(sk, skb);
}

SEC("tp_btf/tcp_receive_reset")
int BPF_PROG(pt_tcp_receive_reset, struct sock *sk)
{
	__u64 id = pt_make_id(sk);
	struct pt_kept *kept = pt_config.resets_hooked ? pt_kept_of(id) : 0;

	if (kept && kept->memory.reset_hooked) {
		kept->memory.reset_hooked = 0;
		return 0;
	}
	return pt_reset_received(sk, 0, false);
}

/* A null or TIME_WAIT sk has nothing to read but the segment it answers; and the socket that resets
 * on data after close has been destroyed by then (tcp_rcv_state_process in FIN_WAIT2): giving it an
 * id would hand that id to whoever gets its memory next. */
static __always_inline bool pt_is_full_socket(__u8 state)
{
	return state && state != PT_TCP_TIME_WAIT && state != PT_TCP_NEW_SYN_RECV && state != PT_TCP_LISTEN;
}

#define PT_IFF_LOOPBACK 8

/* Whoever it is meant for is on this host. A socket that is not connected yet has no address to be
 * found by. */
static __always_inline bool pt_is_peer_here(const struct pt_kept *kept, const struct pt_endpoint *e,
					    struct sk_buff *skb)
{
	if (pt_is_over_loopback(e) || pt_find_peer(kept, e))
		return true;
	return skb && (BPF_CORE_READ(skb, dev, flags) & PT_IFF_LOOPBACK);
}

/* The RST begins where the segment it answers says that its sender is, and at 0 if that says nothing
 * (tcp_v4_send_reset(), tcp_v6_send_reset(), all releases). */
static __always_inline void pt_fill_provocation(struct pt_reset_sent *record, struct sk_buff *skb)
{
	__u32 bytes = pt_tcp_payload(skb);

	record->provoking_flags = pt_tcp_flags(skb);
	record->provoking_bytes = bytes < 0xffff ? bytes : 0xffff;
	record->seq = record->provoking_flags & PT_TCP_ACK ? pt_tcp_ack_seq(skb) : 0;
	record->seq_known = 1;
}

/* An abort's RST comes next in order, unless that lies beyond the window that the peer has opened:
 * which number it bears then depends on the window's scale (tcp_acceptable_seq(), all releases). */
static __always_inline void pt_fill_abort(struct pt_reset_sent *record, struct sock *sk)
{
	__u32 window_end = record->tcp.snd_una + PT_READ((struct tcp_sock *)sk, snd_wnd);

	record->provoking_flags = 0;
	record->provoking_bytes = 0;
	record->seq = record->tcp.snd_nxt;
	record->seq_known = (__s32)(window_end - record->tcp.snd_nxt) >= 0;
}

/* closure.bpf.c */
int pt_end_changed(__u64 socket, __u64 id, __u32 from, __u32 to, __u32 surely);

/* An MPTCP socket that aborts is closed, then sends its subflows' RSTs, and then closes them too
 * (mptcp_do_fastclose, 6.1 to 7.2): what meets a RST is to find who did it. */
static __always_inline bool pt_aborts_subflow(struct sock *sk, __u8 state)
{
	struct sock *held = pt_program_socket(sk);

	return held != sk && state != PT_TCP_CLOSE && !PT_READ(held, sk_err) &&
	       PT_READ(held, __sk_common.skc_state) == PT_TCP_CLOSE && pt_owned_by_current(sk) &&
	       pt_can_be_closer();
}

static __always_inline int pt_reset_sent(struct sock *sk, struct sk_buff *skb, __u16 reason, bool active)
{
	struct pt_reset_sent *record;
	struct pt_kept *kept = 0;
	__u8 state = sk ? PT_READ(sk, __sk_common.skc_state) : 0;
	__u64 id = 0;

	/* No RST is answered by one: tcp_v4_send_reset() and tcp_v6_send_reset() return at once (all releases). */
	if (!active && skb && (pt_tcp_flags(skb) & PT_TCP_RST))
		return 0;
	if (pt_is_full_socket(state))
		id = active ? pt_endpoint_id(sk) : pt_known_id(sk);
	if (!id && !skb)
		return 0;
	if (active && id && pt_aborts_subflow(sk, state))
		pt_end_changed(pt_as_number(sk), id, state, PT_TCP_CLOSE, true);
	record = pt_reserve(struct pt_reset_sent, PT_RESET_SENT);
	if (!record)
		return 0;
	if (id) {
		pt_fill_endpoint(&record->endpoint, sk, id);
		kept = pt_kept_of(id);
		pt_fill_tcp(&record->tcp, sk, kept);
		if (active && pt_owned_by_current(sk) && pt_can_be_closer())
			pt_stamp_task(&record->header);
	} else {
		pt_fill_endpoint_of_packet(&record->endpoint, skb);
		/* A segment on its way through a socket has lost its device (tcp_v4_rcv, all releases). */
		if (sk)
			record->endpoint.netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
		record->endpoint.state = state;
		__builtin_memset(&record->tcp, 0, sizeof(record->tcp));
	}
	record->reason = reason;
	record->active = active;
	__builtin_memset(record->padding, 0, sizeof(record->padding));
	if (active)
		pt_fill_abort(record, sk);
	else
		pt_fill_provocation(record, skb);
	record->peer_here = pt_is_peer_here(kept, &record->endpoint, active ? 0 : skb);
	if (!record->peer_here)
		pt_report_origin(&record->endpoint, active);
	pt_submit(record);
	return 0;
}

/* As numbers: the compiler joins the tests of two pointers with an or, which the verifier refuses. */
static __always_inline int pt_answered_by_reset(unsigned long long *ctx)
{
	struct sock *sk = (struct sock *)pt_nullable_argument(ctx, 0);
	struct sk_buff *skb = (struct sk_buff *)pt_nullable_argument(ctx, 1);
	__u16 reason = PT_REASON_UNKNOWN;

	if (pt_config.send_reset_has_reason)
		reason = pt_context_argument(ctx, 2);
	return pt_reset_sent(sk, skb, reason, false);
}

SEC("fentry/tcp_v4_send_reset")
int pt_v4_send_reset_fentry(unsigned long long *ctx)
{
	return pt_answered_by_reset(ctx);
}

SEC("fentry/tcp_v6_send_reset")
int pt_v6_send_reset_fentry(unsigned long long *ctx)
{
	return pt_answered_by_reset(ctx);
}

SEC("kprobe/tcp_v4_send_reset")
int BPF_KPROBE(pt_v4_send_reset_kprobe, struct sock *sk, struct sk_buff *skb, int reason)
{
	return pt_reset_sent(sk, skb, pt_config.send_reset_has_reason ? reason : PT_REASON_UNKNOWN,
			     false);
}

SEC("kprobe/tcp_v6_send_reset")
int BPF_KPROBE(pt_v6_send_reset_kprobe, struct sock *sk, struct sk_buff *skb, int reason)
{
	return pt_reset_sent(sk, skb, pt_config.send_reset_has_reason ? reason : PT_REASON_UNKNOWN,
			     false);
}

/* (sk, gfp) up to 6.1, (sk, gfp, reason) in 6.12, (sk, reason) in 7.2. */
SEC("fentry/tcp_send_active_reset")
int pt_active_reset_fentry(unsigned long long *ctx)
{
	__u16 reason = PT_REASON_UNKNOWN;

	if (pt_config.active_reset_reason_argument == 1)
		reason = pt_context_argument(ctx, 1);
	if (pt_config.active_reset_reason_argument == 2)
		reason = pt_context_argument(ctx, 2);
	return pt_reset_sent((struct sock *)ctx[0], 0, reason, true);
}

SEC("kprobe/tcp_send_active_reset")
int BPF_KPROBE(pt_active_reset_kprobe, struct sock *sk, int second, int third)
{
	__u16 reason = PT_REASON_UNKNOWN;

	if (pt_config.active_reset_reason_argument == 1)
		reason = second;
	if (pt_config.active_reset_reason_argument == 2)
		reason = third;
	return pt_reset_sent(sk, 0, reason, true);
}

/* One tracepoint for both; an active reset answers no segment and passes none. Before 6.12 it is
 * silent where no socket, or one in TIME_WAIT, answers. */
SEC("tp_btf/tcp_send_reset")
int pt_tcp_send_reset(unsigned long long *ctx)
{
	struct sk_buff *skb = (struct sk_buff *)pt_nullable_argument(ctx, 1);
	__u16 reason = PT_REASON_UNKNOWN;

	if (pt_config.send_reset_has_reason)
		reason = pt_context_argument(ctx, 2);
	return pt_reset_sent((struct sock *)pt_nullable_argument(ctx, 0), skb, reason, !skb);
}
