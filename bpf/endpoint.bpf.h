/* SPDX-License-Identifier: GPL-2.0-only */
/* A socket or pipe as records show it: identity, addresses, TCP facts, and what is remembered. */
#pragma once

#include "kernel_compat.bpf.h"
#include "maps.bpf.h"
#include "mptcp.bpf.h"
#include "record.bpf.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>

#define PT_AF_UNIX 1
#define PT_AF_INET 2
#define PT_AF_INET6 10
#define PT_SOCK_STREAM 1
#define PT_IPPROTO_TCP 6
#define PT_ECONNABORTED 103
#define PT_TCPCB_EVER_RETRANS 0x80

#define PT_TCP_ESTABLISHED 1
#define PT_TCP_SYN_SENT 2
#define PT_TCP_SYN_RECV 3
#define PT_TCP_FIN_WAIT1 4
#define PT_TCP_FIN_WAIT2 5
#define PT_TCP_TIME_WAIT 6
#define PT_TCP_CLOSE 7
#define PT_TCP_CLOSE_WAIT 8
#define PT_TCP_LAST_ACK 9
#define PT_TCP_LISTEN 10
#define PT_TCP_CLOSING 11
#define PT_TCP_NEW_SYN_RECV 12

/* Userspace keeps for 200 ms what it has been told of an end that is gone, and longer what is part of a
 * story (correlator.cpp). */
#define PT_HELD_NS 100000000ULL

static const struct pt_kept pt_empty_kept = {};

static __always_inline struct pt_kept *pt_kept_of(__u64 id)
{
	return bpf_map_lookup_elem(&endpoints, &id);
}

/* A new connection's entry, which seldom is there already. */
static __always_inline struct pt_kept *pt_keep_new(__u64 id)
{
	bpf_map_update_elem(&endpoints, &id, &pt_empty_kept, BPF_NOEXIST);
	return pt_kept_of(id);
}

/* The entry of `id`, new if need be: failures may have been counted before there was one. */
static __always_inline struct pt_kept *pt_keep(__u64 id)
{
	struct pt_kept *kept = pt_kept_of(id);

	if (kept)
		return kept;
	kept = pt_keep_new(id);
	if (kept)
		kept->may_be_counted = 1;
	return kept;
}

static __always_inline bool pt_is_tcp(struct sock *sk)
{
	return PT_READ(sk, sk_protocol) == PT_IPPROTO_TCP && PT_READ(sk, sk_type) == PT_SOCK_STREAM;
}

/* SOCK_DEAD: no program holds it any more. */
static __always_inline bool pt_is_orphan(struct sock *sk)
{
	return (PT_READ(sk, __sk_common.skc_flags) >> PT_SOCK_DEAD) & 1;
}

/* A process holds the socket's lock, so current is working on this very socket: true in its system
 * calls and in the backlog they process, never in softirq or timers, which wait for the lock
 * (lock_sock_nested and bh_lock_sock users, net/core/sock.c, 5.10 to 7.2). */
static __always_inline bool pt_owned_by_current(struct sock *sk)
{
	return PT_READ(sk, sk_lock.owned) != 0;
}

/* Our own id where it was given one, else the cookie: whoever looks at a socket (ss, another tracer) gives it a cookie
 * at any time, and what was remembered of it must still be found. */
static __always_inline __u64 pt_known_id(struct sock *sk)
{
	__u64 pointer = (__u64)sk;
	__u64 cookie = PT_READ(sk, __sk_common.skc_cookie.counter);
	__u64 *own;

	if (!pt_ids_given)
		return cookie;
	own = bpf_map_lookup_elem(&ids, &pointer);
	return own ? *own : cookie;
}

static __always_inline __u64 pt_give_id(struct sock *sk)
{
	__u64 pointer = (__u64)sk;
	/* Cookies are small counters; a nanosecond clock with the CPU in it never meets one. */
	__u64 id = (bpf_ktime_get_ns() << 8) | (bpf_get_smp_processor_id() & 0xff);

	bpf_map_update_elem(&ids, &pointer, &id, BPF_ANY);
	pt_ids_given = 1;
	return id;
}

static __always_inline __u64 pt_endpoint_id(struct sock *sk)
{
	__u64 id = pt_known_id(sk);

	return id ? id : pt_give_id(sk);
}

/* For tp_btf and iterators, whose sk the verifier knows to be a socket: makes a cookie. */
static __always_inline __u64 pt_make_id(struct sock *sk)
{
	if (pt_config.has_cookie_helper && !pt_known_id(sk))
		return bpf_get_socket_cookie(sk);
	return pt_endpoint_id(sk);
}

/* An address of a record or a key is aligned to 8: byte by byte it would be 16 loads and stores. */
static __always_inline void pt_map_v4(__u8 *out, __be32 address)
{
	*(__u64 *)out = 0;
	((__be32 *)out)[2] = bpf_htonl(0xffff);
	((__be32 *)out)[3] = address;
}

static __always_inline void pt_copy_address(__u8 *to, const __u8 *from)
{
	((__u64 *)to)[0] = ((const __u64 *)from)[0];
	((__u64 *)to)[1] = ((const __u64 *)from)[1];
}

static __always_inline void pt_fill_endpoint_by(struct pt_endpoint *out, struct sock *sk, __u64 id,
						bool direct)
{
	__u16 family = PT_GET(direct, sk, __sk_common.skc_family);

	__builtin_memset(out, 0, sizeof(*out));
	out->id = id;
	out->kind = PT_KIND_TCP;
	out->state = PT_GET(direct, sk, __sk_common.skc_state);
	out->netns = PT_GET(direct, sk, __sk_common.skc_net.net, ns.inum);
	/* skc_num is 0 once the socket is closed; inet_sport stays. */
	if (direct)
		out->local_port = bpf_ntohs(pt_typed((struct inet_sock *)sk)->inet_sport);
	else
		out->local_port = bpf_ntohs(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
	out->remote_port = bpf_ntohs(PT_GET(direct, sk, __sk_common.skc_dport));
	if (family != PT_AF_INET6) {
		pt_map_v4(out->local, PT_GET(direct, sk, __sk_common.skc_rcv_saddr));
		pt_map_v4(out->remote, PT_GET(direct, sk, __sk_common.skc_daddr));
	} else if (direct) {
		pt_copy_address(out->local, sk->__sk_common.skc_v6_rcv_saddr.in6_u.u6_addr8);
		pt_copy_address(out->remote, sk->__sk_common.skc_v6_daddr.in6_u.u6_addr8);
	} else {
		BPF_CORE_READ_INTO(&out->local, sk, __sk_common.skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO(&out->remote, sk, __sk_common.skc_v6_daddr);
	}
}

static __always_inline void pt_fill_endpoint(struct pt_endpoint *out, struct sock *sk, __u64 id)
{
	if (PT_DIRECT_READS)
		pt_fill_endpoint_by(out, pt_typed(sk), id, true);
	else
		pt_fill_endpoint_by(out, sk, id, false);
}

static __always_inline __u64 pt_ticks_since(__u32 then, __u32 now)
{
	if (!pt_config.has_jiffies_helper || !then)
		return PT_NO_AGE;
	return now - then;
}

/* The struct sock that a tcp_sock begins with. */
#define PT_SOCK_OF_TCP inet_conn.icsk_inet.sk

/* The control block of a segment in a TCP socket's queues. */
struct tcp_skb_cb {
	__u8 sacked;
} __attribute__((preserve_access_index));

/* When the only unacknowledged segment left, and whether it had left before: a retransmission sets
 * the time anew (__tcp_retransmit_skb). The queue is a tree whose nodes begin their sk_buff. */
static __always_inline void pt_fill_unacked(struct pt_tcp *out, struct rb_node *root)
{
	struct sk_buff *skb = (struct sk_buff *)root;
	struct tcp_skb_cb *control;

	if (!root || PT_READ(root, rb_left) || PT_READ(root, rb_right))
		return;
	control = (struct tcp_skb_cb *)((char *)skb + bpf_core_field_offset(skb->cb));
	out->unacked_sent_ns = PT_READ(skb, skb_mstamp_ns);
	out->sent_again = (BPF_CORE_READ(control, sacked) & PT_TCPCB_EVER_RETRANS) != 0;
}

static __always_inline bool pt_fin_was_received(__u8 state)
{
	return state == PT_TCP_CLOSE_WAIT || state == PT_TCP_LAST_ACK || state == PT_TCP_CLOSING ||
	       state == PT_TCP_TIME_WAIT;
}

static __always_inline void pt_fill_tcp_by(struct pt_tcp *out, struct tcp_sock *tp, bool direct)
{
	__u32 now = pt_config.has_jiffies_helper ? bpf_jiffies64() : 0;

	out->bytes_sent = PT_GET(direct, tp, bytes_sent);
	out->bytes_retrans = PT_GET(direct, tp, bytes_retrans);
	out->bytes_received = PT_GET(direct, tp, bytes_received);
	out->last_sent_ago_ticks = pt_ticks_since(PT_GET(direct, tp, lsndtime), now);
	out->last_received_ago_ticks = pt_has_rcv_tstamp(tp)
					       ? pt_ticks_since(PT_GET(direct, tp, rcv_tstamp), now)
					       : PT_NO_AGE;
	pt_fill_unacked(out, PT_GET(direct, tp, PT_SOCK_OF_TCP.tcp_rtx_queue.rb_node));
	out->snd_nxt = PT_GET(direct, tp, snd_nxt);
	out->snd_una = PT_GET(direct, tp, snd_una);
	out->rcv_nxt = PT_GET(direct, tp, rcv_nxt);
	out->copied_seq = PT_GET(direct, tp, copied_seq);
	out->srtt_us = PT_GET(direct, tp, srtt_us);
	out->retransmits = PT_GET(direct, tp, total_retrans);
	out->user_timeout_ms = PT_GET(direct, tp, inet_conn.icsk_user_timeout);
	out->error = PT_GET(direct, tp, PT_SOCK_OF_TCP.sk_err);
	out->soft_error = PT_GET(direct, tp, PT_SOCK_OF_TCP.sk_err_soft);
	out->shutdown = PT_GET(direct, tp, PT_SOCK_OF_TCP.sk_shutdown);
	out->timeouts = PT_GET(direct, tp, inet_conn.icsk_retransmits);
	out->probes_out = PT_GET(direct, tp, inet_conn.icsk_probes_out);
	out->unsent = PT_GET(direct, tp, write_seq) - out->snd_nxt;
	out->keepalive =
		(PT_GET(direct, tp, PT_SOCK_OF_TCP.__sk_common.skc_flags) >> PT_SOCK_KEEPOPEN) & 1;
	out->fin_received =
		pt_fin_was_received(PT_GET(direct, tp, PT_SOCK_OF_TCP.__sk_common.skc_state));
}

/* What a program meets of a subflow is its MPTCP socket's: the error, the shutdown, what lies unread.
 * `kept`: of this endpoint, if anything. */
static __always_inline void pt_fill_tcp(struct pt_tcp *out, struct sock *sk, const struct pt_kept *kept)
{
	struct sock *held = pt_program_socket(sk);

	__builtin_memset(out, 0, sizeof(*out));
	if (PT_DIRECT_READS)
		pt_fill_tcp_by(out, pt_typed((struct tcp_sock *)sk), true);
	else
		pt_fill_tcp_by(out, (struct tcp_sock *)sk, false);
	if (kept && kept->memory.fin_seen)
		out->fin_received = 1;
	if (held == sk)
		return;
	out->error = PT_READ(held, sk_err);
	out->shutdown = PT_READ(held, sk_shutdown);
	out->copied_seq = out->rcv_nxt - out->fin_received - pt_mptcp_unread_bytes(held);
}

/* ::ffff:127.x.x.x or ::1, by halves and without branches: each way is one more for the verifier.
 */
static __always_inline bool pt_is_loopback(const __u8 *address)
{
	__u64 high = ((const __u64 *)address)[0];
	__u64 low = ((const __u64 *)address)[1];
	__u64 v4 = (low & bpf_cpu_to_be64(0xffffffffff000000ULL)) ^
		   bpf_cpu_to_be64(0x0000ffff7f000000ULL);

	/* One of two differences is none. */
	return !(high | (v4 * !!(low ^ bpf_cpu_to_be64(1))));
}

static __always_inline bool pt_is_over_loopback(const struct pt_endpoint *e)
{
	return pt_is_loopback(e->local) || pt_is_loopback(e->remote);
}

static __always_inline void pt_fill_key(struct pt_address_key *key, const struct pt_endpoint *e,
					bool mirrored)
{
	const __u8 *local = mirrored ? e->remote : e->local;
	const __u8 *remote = mirrored ? e->local : e->remote;

	__builtin_memset(key, 0, sizeof(*key));
	pt_copy_address(key->local, local);
	pt_copy_address(key->remote, remote);
	key->local_port = mirrored ? e->remote_port : e->local_port;
	key->remote_port = mirrored ? e->local_port : e->remote_port;
	if (pt_is_over_loopback(e))
		key->netns = e->netns;
}

static __always_inline void pt_send_memory(struct pt_memory *memory)
{
	struct pt_endpoint_remembered *record;

	record = pt_reserve(struct pt_endpoint_remembered, PT_ENDPOINT_REMEMBERED);
	if (!record)
		return;
	pt_copy(&record->memory, memory);
	pt_submit(record);
}

/* The socket that stands at the other end, if it is, or was, on this host. `kept`: of this end, or
 * null. */
static __always_inline struct pt_kept *pt_find_peer(const struct pt_kept *kept,
						    const struct pt_endpoint *e)
{
	struct pt_address_key key;
	struct pt_kept *peer;
	__u64 *id;

	if (kept && kept->peer_id) {
		peer = pt_kept_of(kept->peer_id);
		if (peer)
			return peer;
	}
	pt_fill_key(&key, e, true);
	id = bpf_map_lookup_elem(&by_address, &key);
	return id ? pt_kept_of(*id) : 0;
}

/* A RST goes to another host: sends what is remembered of the end that it comes from. One that answers for an
 * end which is gone, found by its addresses, sends it once a second at most: whoever sends to it sets the pace. */
static __always_inline void pt_report_origin(const struct pt_endpoint *e, bool active)
{
	struct pt_memory *memory;
	struct pt_kept *kept;
	struct pt_address_key key;
	__u32 now = bpf_ktime_get_ns() >> 30;
	__u64 id = e->id;
	__u64 *found;

	if (!id) {
		pt_fill_key(&key, e, false);
		found = bpf_map_lookup_elem(&by_address, &key);
		if (!found)
			return;
		id = *found;
	}
	kept = pt_kept_of(id);
	if (!kept || kept->memory.endpoint.netns != e->netns)
		return;
	memory = &kept->memory;
	if (active ? memory->reported : memory->answered == now)
		return;
	if (active)
		memory->reported = 1;
	else
		memory->answered = now;
	pt_send_memory(memory);
}
