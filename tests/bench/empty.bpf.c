// SPDX-License-Identifier: GPL-2.0-only
// Programs that do nothing: what a hook costs by itself. empty_hooks.c gives them their targets.
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

SEC("tp_btf")
int empty_tracepoint(void *ctx)
{
	return 0;
}

SEC("fentry")
int empty_fentry(void *ctx)
{
	return 0;
}

SEC("fexit")
int empty_fexit(void *ctx)
{
	return 0;
}

SEC("kprobe")
int empty_kprobe(void *ctx)
{
	return 0;
}

SEC("kretprobe")
int empty_kretprobe(void *ctx)
{
	return 0;
}
