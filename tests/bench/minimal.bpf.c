// SPDX-License-Identifier: GPL-2.0-only
// The least that a tracer is made of: one program, one map.
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} resets SEC(".maps");

SEC("tp_btf/tcp_receive_reset")
int count_reset(void *ctx)
{
	__u32 key = 0;
	__u64 *count = bpf_map_lookup_elem(&resets, &key);

	if (count)
		__sync_fetch_and_add(count, 1);
	return 0;
}
