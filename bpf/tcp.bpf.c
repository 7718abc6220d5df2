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

static __always_inline void pt_index_by_address(struct pt_kept *kept, int from)
{
	const struct pt_endpoint *e = &kept->memory.endpoint;
	struct pt_address_key key;
	__u64 id = e->id;

	/* Who connected is established first. */
	if (from != PT_TCP_SYN_SENT && pt_is_over_loopback(e) && pt_meet_peer(kept))
		return;
	pt_fill_key(&key, e, false);
	bpf_map_update_elem(&by_address, &key, &id, BPF_ANY);
}

/* closure.bpf.c */
int pt_end_changed(__u64 socket, __u64 id, __u32 from, __u32 to, __u32 surely);

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
		pt_index_by_address(kept, from);
		break;
	case PT_TCP_CLOSE_WAIT:
	case PT_TCP_CLOSING:
		memory->fin_received_ns = bpf_ktime_get_ns();
		memory->fin_seen = 1;
		memory->snd_nxt_at_fin = PT_READ((struct tcp_sock *)sk, snd_nxt);
		/* The peer's kernel answers data with a RST while its FIN is still on the way, and the story
		 * begins there. */
		if (memory->reported)
			pt_send_memory(memory);
		break;
	case PT_TCP_CLOSE:
		memory->held_at_close = !pt_is_orphan(sk);
		memory->closed_from = from;
		break;
	}
}

/* Addresses come with the connection, and stay: a disconnected socket forgets its own. */
static __always_inline bool pt_has_addresses(const struct pt_memory *memory, int from, int to)
{
	return memory->endpoint.remote_port && from != PT_TCP_SYN_SENT && to != PT_TCP_SYN_SENT &&
	       to != PT_TCP_ESTABLISHED;
}

static __always_inline bool pt_may_be_given_up(int from, int to)
{
	return to == PT_TCP_FIN_WAIT1 || to == PT_TCP_LAST_ACK || to == PT_TCP_CLOSE || from == to;
}

/* A program throws an MPTCP connection away: RSTs will follow on the subflows, unless the peer speaks plain TCP, to
 * whom no more subflows may be made (__mptcp_try_fallback() and mptcp_do_fastclose(), 6.1 to 7.2). */
static __always_inline bool pt_mptcp_aborts(struct sock *sk, struct sock *first, int from)
{
	struct mptcp_sock *msk = (struct mptcp_sock *)sk;

	return (from == PT_TCP_ESTABLISHED || from == PT_TCP_CLOSE_WAIT) &&
	       PT_READ(first, __sk_common.skc_state) != PT_TCP_CLOSE && !PT_READ(sk, sk_err) &&
	       bpf_core_field_exists(msk->allow_subflows) && BPF_CORE_READ(msk, allow_subflows) &&
	       pt_can_be_closer();
}

/* An MPTCP socket's program closes it, or shuts it down. The subflows stay as they are until both ends are done
 * (mptcp_close_state(), mptcp_shutdown(), 6.1 to 7.2). */
static __always_inline void pt_mptcp_state_changed(struct sock *sk, int from, int to)
{
	struct sock *first = pt_connection_of(sk);
	bool closed_again = from == to && to == PT_TCP_FIN_WAIT2;

	if (!first)
		return;
	if (to == PT_TCP_CLOSE ? pt_mptcp_aborts(sk, first, from)
			       : to == PT_TCP_FIN_WAIT1 || to == PT_TCP_LAST_ACK || closed_again)
		pt_end_changed(pt_as_number(first), pt_known_id(first), from, to, true);
}

/* To what was counted by a search adds what was counted without, and frees its place. */
static __always_inline void pt_add_repeats(__u64 id, struct pt_failure_count *slot)
{
#if PT_DIRECT_READS
	__u64 failure = *pt_kind_of(slot);
	struct pt_repeats *place = pt_repeats_of(id, failure);

	if (!place || place->endpoint_id != id || place->failure != failure)
		return;
	if (place->count) {
		slot->count += place->count;
		slot->last_ns = place->last_ns;
	}
	place->failure = 0;
	place->count = 0;
	__sync_lock_test_and_set(&place->endpoint_id, 0);
#endif
}

/* How often what failed on the endpoint has failed. False: nothing was counted. */
static __always_inline bool pt_tell_counts(__u64 id)
{
	struct pt_failure_counts *counts = bpf_map_lookup_elem(&failing, &id);
	struct pt_failures_counted *record;

	if (!counts)
		return false;
	for (int i = 0; i < PT_COUNT_SLOTS; i++)
		pt_add_repeats(id, &counts->slots[i]);
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

/* The id of a socket that begins to connect. What an earlier connection of it was told is not this one's: then it is
 * another endpoint from here on. */
__noinline __u64 pt_connected_anew(__u64 socket, __u64 id)
{
	struct sock *sk = (struct sock *)socket;
	struct pt_kept *kept = pt_kept_of(id);
	bool failed;

	if (!kept) {
		pt_tell_counts(id); /* its entry had to make room */
		return id;
	}
	failed = kept->may_be_counted && pt_tell_counts(id);
	if (!failed && !kept->memory.reported && !kept->told[0]) {
		bpf_map_delete_elem(&endpoints, &id);
		return id;
	}
	pt_tell_end(kept, sk, id);
	pt_let_go(kept, id);
	return pt_give_id(sk);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(pt_inet_sock_set_state, struct sock *sk, int from, int to)
{
	struct pt_memory *memory;
	struct pt_kept *kept;
	bool begins;
	__u16 protocol = PT_READ(sk, sk_protocol);
	__u64 id;

	if (protocol == PT_IPPROTO_MPTCP && bpf_core_field_exists(struct mptcp_sock, first))
		pt_mptcp_state_changed(sk, from, to);
	if (protocol != PT_IPPROTO_TCP || to == PT_TCP_LISTEN ||
	    from == PT_TCP_LISTEN)
		return 0;
	/* An unconnected socket that closes has no story. */
	if (from == PT_TCP_CLOSE && to != PT_TCP_SYN_SENT)
		return 0;
	id = pt_make_id(sk);
	if (to == PT_TCP_SYN_SENT)
		id = pt_connected_anew(pt_as_number(sk), id);
	begins = to == PT_TCP_SYN_SENT || from == PT_TCP_SYN_RECV;
	kept = begins && !pt_config.resets_hooked ? pt_keep_new(id) : pt_keep(id);
	if (!kept)
		return 0;
	memory = &kept->memory;
	/* Nothing can have failed before; with resets, the handshake is hooked too, and made the
	 * entry. */
	if (begins && !memory->endpoint.id)
		kept->may_be_counted = 0;
	if (!pt_has_addresses(memory, from, to))
		pt_fill_endpoint(&memory->endpoint, sk, id);
	memory->endpoint.state = to;
	pt_update_kept(kept, sk, from, to);
	if (pt_may_be_given_up(from, to))
		pt_end_changed(pt_as_number(sk), id, from, to, false);
	if (pt_config.errors_by_state && to == PT_TCP_CLOSE && PT_READ(sk, sk_err))
		pt_raise_error(pt_as_number(sk));
	return 0;
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
