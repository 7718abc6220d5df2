/* SPDX-License-Identifier: GPL-2.0-only */
/* MPTCP: a program's descriptor names one socket, the network acts on others, its subflows. The first of them stays
 * with the socket, and the story is told of it (net/mptcp/protocol.c, 6.1 to 7.2; 5.10 is built without). */
#pragma once

#include "kernel_read.bpf.h"
#include "maps.bpf.h"

#include <bpf/bpf_core_read.h>

#define PT_IPPROTO_MPTCP 262

struct mptcp_sock {
	struct sock *first;
	bool allow_subflows;
} __attribute__((preserve_access_index));
struct mptcp_subflow_context {
	struct sock *conn;
} __attribute__((preserve_access_index));
/* The control block of what waits to be read. */
struct mptcp_skb_cb {
	__u64 map_seq; /* of its first byte that is unread */
	__u64 end_seq;
} __attribute__((preserve_access_index));
/* Up to 6.13 what a program was about to read lay in a queue of its own. */
struct mptcp_sock___to_6_13 {
	struct sk_buff_head receive_queue;
} __attribute__((preserve_access_index));

/* Null: an MPTCP socket that was never connected. */
static __always_inline struct sock *pt_connection_of(struct sock *sk)
{
	if (PT_READ(sk, sk_protocol) == PT_IPPROTO_MPTCP &&
	    bpf_core_field_exists(struct mptcp_sock, first))
		return BPF_CORE_READ((struct mptcp_sock *)sk, first);
	return sk;
}

/* The socket that a program holds: of a subflow, the one it belongs to. */
static __always_inline struct sock *pt_program_socket(struct sock *sk)
{
	struct mptcp_subflow_context *subflow;
	struct sock *held;

	if (!bpf_core_field_exists(struct tcp_sock, is_mptcp) ||
	    !bpf_core_field_exists(struct mptcp_subflow_context, conn) ||
	    !PT_READ((struct tcp_sock *)sk, is_mptcp))
		return sk;
	subflow = BPF_CORE_READ((struct inet_connection_sock *)sk, icsk_ulp_data);
	held = subflow ? BPF_CORE_READ(subflow, conn) : 0;
	return held ? held : sk;
}

static __always_inline struct mptcp_skb_cb *pt_mptcp_control(struct sk_buff *skb)
{
	return (struct mptcp_skb_cb *)((char *)skb + bpf_core_field_offset(skb->cb));
}

/* What its program has not read: its queues hold it in order, one after the other. */
static __always_inline __u32 pt_mptcp_unread_bytes(struct sock *msk)
{
	struct mptcp_sock___to_6_13 *older = (struct mptcp_sock___to_6_13 *)msk;
	struct sk_buff *first = 0;
	struct sk_buff *last = 0;

	if (!bpf_core_field_exists(struct mptcp_skb_cb, end_seq))
		return 0;
	if (BPF_CORE_READ(msk, sk_receive_queue.qlen)) {
		first = BPF_CORE_READ(msk, sk_receive_queue.next);
		last = BPF_CORE_READ(msk, sk_receive_queue.prev);
	}
	if (bpf_core_field_exists(older->receive_queue) && BPF_CORE_READ(older, receive_queue.qlen)) {
		first = BPF_CORE_READ(older, receive_queue.next);
		if (!last)
			last = BPF_CORE_READ(older, receive_queue.prev);
	}
	return first ? BPF_CORE_READ(pt_mptcp_control(last), end_seq) - BPF_CORE_READ(pt_mptcp_control(first), map_seq)
		     : 0;
}
