/* SPDX-License-Identifier: GPL-2.0-only */
/* What a received segment says. Only for hooks on the receive path, where the headers are set. */
#pragma once

#include "endpoint.bpf.h"

#define PT_TCP_RST 0x04
#define PT_TCP_ACK 0x10

/* Bytes 13 and 4..11 of the TCP header, as the wire has them: bit-fields would depend on the
 * kernel's layout. */
static __always_inline __u8 pt_tcp_flags(struct sk_buff *skb)
{
	unsigned char *tcp = BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, transport_header);
	__u8 flags = 0;

	bpf_probe_read_kernel(&flags, sizeof(flags), tcp + 13);
	return flags;
}

/* While the header has not been taken off: what follows it. */
static __always_inline __u32 pt_tcp_payload(struct sk_buff *skb)
{
	unsigned char *tcp = BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, transport_header);
	__u32 length = BPF_CORE_READ(skb, len);
	__u8 offset = 0;

	bpf_probe_read_kernel(&offset, sizeof(offset), tcp + 12);
	offset = (offset >> 4) * 4;
	return length > offset ? length - offset : 0;
}

static __always_inline __u32 pt_tcp_seq(struct sk_buff *skb)
{
	unsigned char *tcp = BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, transport_header);
	__be32 seq = 0;

	bpf_probe_read_kernel(&seq, sizeof(seq), tcp + 4);
	return bpf_ntohl(seq);
}

static __always_inline __u32 pt_tcp_ack_seq(struct sk_buff *skb)
{
	unsigned char *tcp = BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, transport_header);
	__be32 seq = 0;

	bpf_probe_read_kernel(&seq, sizeof(seq), tcp + 8);
	return bpf_ntohl(seq);
}

static __always_inline __u16 pt_tcp_window(struct sk_buff *skb)
{
	unsigned char *tcp = BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, transport_header);
	__be16 window = 0;

	bpf_probe_read_kernel(&window, sizeof(window), tcp + 14);
	return bpf_ntohs(window);
}

static __always_inline unsigned char *pt_network_header(struct sk_buff *skb)
{
	return BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, network_header);
}

static __always_inline bool pt_is_ipv4(struct sk_buff *skb)
{
	__u8 version = 0;

	bpf_probe_read_kernel(&version, sizeof(version), pt_network_header(skb));
	return version >> 4 == 4;
}

static __always_inline __u8 pt_packet_ttl(struct sk_buff *skb)
{
	__u8 ttl = 0;

	bpf_probe_read_kernel(&ttl, sizeof(ttl), pt_network_header(skb) + (pt_is_ipv4(skb) ? 8 : 7));
	return ttl;
}

/* The endpoint that a segment was sent to, where no socket stands. */
static __always_inline void pt_fill_endpoint_of_packet(struct pt_endpoint *out, struct sk_buff *skb)
{
	unsigned char *ip = pt_network_header(skb);
	unsigned char *tcp = BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, transport_header);
	struct sock *sk = BPF_CORE_READ(skb, sk);
	__be32 v4 = 0;
	__be16 port = 0;

	__builtin_memset(out, 0, sizeof(*out));
	out->kind = PT_KIND_TCP;
	/* On its way out a segment belongs to a socket and has no device yet. */
	if (sk)
		out->netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	else
		out->netns = BPF_CORE_READ(skb, dev, nd_net.net, ns.inum);
	if (pt_is_ipv4(skb)) {
		bpf_probe_read_kernel(&v4, sizeof(v4), ip + 16);
		pt_map_v4(out->local, v4);
		bpf_probe_read_kernel(&v4, sizeof(v4), ip + 12);
		pt_map_v4(out->remote, v4);
	} else {
		bpf_probe_read_kernel(out->local, 16, ip + 24);
		bpf_probe_read_kernel(out->remote, 16, ip + 8);
	}
	bpf_probe_read_kernel(&port, sizeof(port), tcp + 2);
	out->local_port = bpf_ntohs(port);
	bpf_probe_read_kernel(&port, sizeof(port), tcp);
	out->remote_port = bpf_ntohs(port);
}
