/* SPDX-License-Identifier: GPL-2.0-only */
/* Reserve, stamp, submit, or else count the loss: the only user of the ring buffer. */
#pragma once

#include "maps.bpf.h"
#include "task.bpf.h"

static __always_inline void pt_count_loss(__u32 kind)
{
	__u64 *count = bpf_map_lookup_elem(&lost, &kind);

	if (count)
		(*count)++;
	pt_has_lost = 1;
}

/* The size must be a constant: kernels before 5.15 know no other. */
#define pt_reserve(type, record_kind)                                                              \
	({                                                                                         \
		type *reserved = bpf_ringbuf_reserve(&ring, sizeof(type), 0);                      \
		if (!reserved)                                                                     \
			pt_count_loss(record_kind);                                                \
		else                                                                               \
			pt_stamp(&reserved->header, record_kind, sizeof(type));                    \
		reserved;                                                                          \
	})

static __always_inline void pt_stamp(struct pt_header *header, __u16 kind, __u16 size)
{
	header->kind = kind;
	header->size = size;
	header->flags = 0;
	header->ktime_ns = bpf_ktime_get_ns();
	__builtin_memset(&header->task, 0, sizeof(header->task));
}

static __always_inline void pt_stamp_watched_task(struct pt_header *header, const __u32 *flags)
{
	pt_fill_task(&header->task, pt_current());
	if (flags && (*flags & PT_WATCH_TRACED))
		header->flags |= PT_TRACED;
}

/* Names the current task as the one the kernel works for. Never in softirq. */
static __always_inline void pt_stamp_task(struct pt_header *header)
{
	/* A key in the record itself would be refused before 6.2. */
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;

	pt_stamp_watched_task(header, bpf_map_lookup_elem(&watched, &tgid));
}

/* The end of a process that failed belongs to the story. Its flags, or null. */
static __always_inline __u32 *pt_watch_failed(void)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	__u32 *flags = bpf_map_lookup_elem(&watched, &tgid);
	__u32 failed = PT_WATCH_FAILED;

	if (!flags)
		bpf_map_update_elem(&watched, &tgid, &failed, BPF_ANY);
	else if (!(*flags & PT_WATCH_FAILED))
		*flags |= PT_WATCH_FAILED;
	return flags;
}

/* No wake-up per record: the consumer drains by itself while there is work and asks to be woken
 * only when it sleeps. Two producers that both see the bell ring twice, which does no harm. */
static __always_inline void pt_submit(void *record)
{
	__u64 flags = BPF_RB_NO_WAKEUP;

	if (pt_doorbell) {
		pt_doorbell = 0;
		flags = BPF_RB_FORCE_WAKEUP;
	}
	bpf_ringbuf_submit(record, flags);
}
