/* SPDX-License-Identifier: GPL-2.0-only */
/* A call that fails over and over on a TCP endpoint is counted without a search, in a place of its own; its first few
 * are in the counts that records tell (struct pt_failure_counts), to which these are added when they are told. The place
 * follows from endpoint, thread and error, and is the first one's to need it, until that one's socket is destroyed or
 * connected anew. Of the programs' direct form only (kernel_read.bpf.h). */
#ifndef PIPETRACE_REPEATS_H
#define PIPETRACE_REPEATS_H

#include "pipetrace_abi.h"

#define PT_REPEATS_MAX 256

struct pt_repeats {
	__u64 endpoint_id; /* 0: free */
	__u64 failure; /* as struct pt_failure_count has it, from its tid on */
	__u64 task; /* addresses: of the thread, and of its registers as its call found them */
	__u64 registers;
	__u64 count;
	__u64 last_tick; /* jiffies */
	__u64 last_ns; /* the first of that tick */
};

static inline __u32 pt_repeats_place(__u64 endpoint_id, __u64 failure)
{
	return (endpoint_id ^ (__u32)failure ^ failure >> 48) % PT_REPEATS_MAX;
}

#endif
