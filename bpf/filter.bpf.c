// SPDX-License-Identifier: GPL-2.0-only
/* What the kernel throws away: segments that a packet filter of this host dropped, which tells its RST from one
 * of the peer's; and data that lay unread in a unix socket as its program closed it. */
#include "packet.bpf.h"
#include "unix.bpf.h"

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

/* A call that fails throws away its own message too. */
static __always_inline bool pt_is_sending_on(struct sock *sk)
{
	struct pt_call call;
	struct file *file = pt_fill_call(&call);

	return file && pt_file_type(file) == PT_S_IFSOCK && pt_sock_of_file(file) == sk;
}

/* All that lay unread, counted as the first of it goes: who sent it may be told, and report it,
 * before the last has gone. Older kernels mark what they throw away as read, so that of the first
 * part of a stream, of which a part may have been read, the rest is not known. */
static __always_inline void pt_count_unread(struct pt_closure *closure, struct sock *sender,
					    struct sock *closed, struct sk_buff *skb)
{
	__u32 bytes = pt_unix_bytes(skb);
	__u32 rest;

	if (closure->unread_bytes)
		return;
	rest = pt_unix_unread((__u64)closed);
	if (!bytes && BPF_CORE_READ(sender, sk_type) == PT_SOCK_STREAM)
		closure->unread_bytes = PT_UNREAD_SOME;
	else if (rest == PT_UNREAD_SOME)
		closure->unread_bytes = PT_UNREAD_SOME;
	else
		closure->unread_bytes = rest + (bytes ? bytes : BPF_CORE_READ(skb, len));
}

/* unix_release_sock() tells the other end, which sent it, and then throws the data away (5.10 to 7.2): where
 * the function has no hook, this shows who closes. */
static __always_inline void pt_unix_data_dropped(struct sk_buff *skb, struct sock *sender)
{
	struct sock *closed = pt_unix_peer(sender);
	__u64 key = (__u64)closed;
	__u64 inode = pt_unix_inode(sender);
	struct pt_unix_end *end;

	if (BPF_CORE_READ(sender, sk_err) != PT_ECONNRESET || !closed || !pt_is_dead(closed))
		return;
	if (pt_is_sending_on(sender))
		return;
	end = bpf_map_lookup_elem(&unix_ends, &key);
	if (!end || !end->closure.at_ns || !pt_is_end_of(end, sender, inode)) {
		struct pt_unix_end closing = {};

		pt_fill_unix_closure(&closing.closure, closed);
		closing.other_inode = inode;
		bpf_map_update_elem(&unix_ends, &key, &closing, BPF_ANY);
		end = bpf_map_lookup_elem(&unix_ends, &key);
		if (!end)
			return;
	}
	pt_count_unread(&end->closure, sender, closed, skb);
}

/* Every packet that the host drops comes by here, none that it delivers. */
SEC("tp_btf/kfree_skb")
int pt_kfree_skb(unsigned long long *ctx)
{
	struct sk_buff *skb = (struct sk_buff *)ctx[0];
	struct pt_endpoint receiver;
	struct pt_address_key sender;
	struct pt_filter_drops *drops;

	if (pt_config.walk_unix) {
		struct sock *sender = PT_READ(skb, sk);

		if (sender && pt_is_unix(sender)) {
			pt_unix_data_dropped(skb, sender);
			return 0;
		}
	}
	if (!pt_is_filter_drop(ctx) || !pt_is_tcp_segment(skb))
		return 0;
	pt_fill_endpoint_of_packet(&receiver, skb);
	pt_fill_key(&sender, &receiver, true);
	drops = bpf_map_lookup_elem(&filtered, &sender);
	if (!drops) {
		bpf_map_update_elem(&filtered, &sender, &pt_no_drops, BPF_NOEXIST);
		pt_drops_noted = 1;
		drops = bpf_map_lookup_elem(&filtered, &sender);
		if (!drops)
			return 0;
	}
	drops->last_ns = bpf_ktime_get_ns();
	__sync_fetch_and_add(&drops->count, 1);
	return 0;
}
