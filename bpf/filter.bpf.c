// SPDX-License-Identifier: GPL-2.0-only
/* Segments that a packet filter of this host dropped: what tells its RST from one of the peer's. */
#include "packet.bpf.h"

#include <bpf/bpf_tracing.h>

#define PT_PROTOCOL_TCP 6

static const struct pt_filter_drops pt_no_drops = {};

static __always_inline bool pt_is_tcp_segment(struct sk_buff *skb)
{
	__u8 protocol = 0;

	bpf_probe_read_kernel(&protocol, sizeof(protocol), pt_network_header(skb) + (pt_is_ipv4(skb) ? 9 : 6));
	return protocol == PT_PROTOCOL_TCP;
}

/* nf_hook_slow() frees what a filter drops, or answers with a RST before it drops it (5.10 to 7.2). */
static __always_inline bool pt_is_filter_drop(unsigned long long *ctx)
{
	__u64 location;

	if (pt_config.drop_has_reason)
		return (__u32)pt_context_argument(ctx, 2) ==
		       bpf_core_enum_value(enum skb_drop_reason, SKB_DROP_REASON_NETFILTER_DROP);
	location = pt_context_argument(ctx, 1);
	return location >= pt_config.filter_begin && location < pt_config.filter_end;
}

/* Every packet that the host drops comes by here, none that it delivers. */
SEC("tp_btf/kfree_skb")
int pt_kfree_skb(unsigned long long *ctx)
{
	struct sk_buff *skb = (struct sk_buff *)ctx[0];
	struct pt_endpoint receiver;
	struct pt_address_key sender;
	struct pt_filter_drops *drops;

	if (!pt_is_filter_drop(ctx) || !pt_is_tcp_segment(skb))
		return 0;
	pt_fill_endpoint_of_packet(&receiver, skb);
	pt_fill_key(&sender, &receiver, true);
	drops = bpf_map_lookup_elem(&filtered, &sender);
	if (!drops) {
		bpf_map_update_elem(&filtered, &sender, &pt_no_drops, BPF_NOEXIST);
		drops = bpf_map_lookup_elem(&filtered, &sender);
		if (!drops)
			return 0;
	}
	drops->last_ns = bpf_ktime_get_ns();
	__sync_fetch_and_add(&drops->count, 1);
	return 0;
}
