// SPDX-License-Identifier: GPL-2.0-only
/* What a failure brings to light: what is kept of its endpoint and of the other end; and whether it
 * is the first of its kind. Global functions: the verifier looks into each once a program, wherever
 * it is called. */
#include "call.bpf.h"

static __always_inline void pt_report_filter_drops(const struct pt_endpoint *e)
{
	struct pt_packet_filtered *record;
	struct pt_filter_drops *drops;
	struct pt_address_key key;

	pt_fill_key(&key, e, false);
	drops = bpf_map_lookup_elem(&filtered, &key);
	if (!drops)
		return;
	record = pt_reserve(struct pt_packet_filtered, PT_PACKET_FILTERED);
	if (!record)
		return;
	pt_copy(&record->endpoint, e);
	record->last_ns = drops->last_ns;
	record->count = drops->count;
	pt_submit(record);
	bpf_map_delete_elem(&filtered, &key);
}

/* The first failure of an endpoint sends what is remembered of it and of its other end; from then
 * on their changes are sent as they come. An end that is gone is sent anew once userspace may have
 * forgotten it. */
__noinline int pt_report_endpoint(__u64 socket, __u64 id, __u64 now)
{
	struct pt_kept *kept = pt_kept_of(id);
	struct pt_endpoint endpoint;
	struct pt_kept *peer;

	if (kept && kept->told_ns && now - kept->told_ns < PT_HELD_NS / 2 && !pt_drops_noted)
		return 0;
	pt_fill_endpoint(&endpoint, (struct sock *)socket, id);
	pt_forget(endpoint);
	if (pt_drops_noted)
		pt_report_filter_drops(&endpoint);
	peer = pt_find_peer(kept, &endpoint);
	/* Both by one piece of code: what it sends is long. */
	for (int i = 0; i < 2; i++) {
		struct pt_kept *end = i ? peer : kept;

		if (!end || end->memory.reported ||
		    (end->gone_ns && now - end->gone_ns < PT_HELD_NS))
			continue;
		end->memory.reported = 1;
		pt_send_memory(&end->memory);
	}
	if (kept && peer)
		kept->told_ns = now;
	return 0;
}

/* From now on pt_is_repeat() counts it, if its place is free. Who reads a place that is not filled yet finds another
 * thread's failure in it, or none. */
static __always_inline void pt_take_place(__u64 id, __u64 failure)
{
#if PT_DIRECT_READS /* so there is compare-and-swap, since 5.12 */
	struct pt_repeats *place = pt_repeats_of(id, failure);
	struct task_struct *task = bpf_get_current_task_btf();
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);

	/* An io_uring worker's registers are not its own. */
	if (task->flags & (PT_PF_IO_WORKER | PT_PF_KTHREAD) || pt_number_in(regs) != (__u16)(failure >> 32))
		return;
	if (!place || place->endpoint_id || __sync_val_compare_and_swap(&place->endpoint_id, 0, id))
		return;
	place->task = pt_as_number(task);
	place->registers = pt_as_number(regs);
	__sync_lock_test_and_set(&place->failure, failure);
#endif
}

static const struct pt_failure_counts pt_no_counts = {};

/* Two processors may want the same one. (Before 5.12 there is no compare and swap.) */
static __always_inline bool pt_claim(struct pt_failure_count *slot, __u64 failure)
{
#if PT_DIRECT_READS
	return !__sync_val_compare_and_swap(pt_kind_of(slot), 0, failure);
#else
	*pt_kind_of(slot) = failure;
	return true;
#endif
}

/* Counts a failure. True for the first of its kind, unless a record told of it already. */
__noinline __u32 pt_count_failure(__u64 id, __u32 kind, __u64 failure, __u32 is_told)
{
	struct pt_failure_counts *counts = bpf_map_lookup_elem(&failing, &id);

	if (!counts) {
		bpf_map_update_elem(&failing, &id, &pt_no_counts, BPF_NOEXIST);
		counts = bpf_map_lookup_elem(&failing, &id);
		if (!counts)
			return true;
		counts->endpoint_id = id;
		counts->endpoint_kind = kind;
		counts->tgid = bpf_get_current_pid_tgid() >> 32;
	}
	for (int i = 0; i < PT_COUNT_SLOTS; i++) {
		struct pt_failure_count *slot = &counts->slots[i];

		if (!slot->count && pt_claim(slot, failure)) {
			slot->last_ns = bpf_ktime_get_ns();
			slot->count = is_told ? 2 : 1;
			return !is_told;
		}
		if (*pt_kind_of(slot) == failure) {
			__sync_fetch_and_add(&slot->count, 1);
			slot->last_ns = bpf_ktime_get_ns();
			if (kind == PT_KIND_TCP && !slot->is_sigpipe)
				pt_take_place(id, failure);
			return false;
		}
	}
	return true; /* more kinds than slots: each is a record of its own */
}

/* True for the first failure of its kind on this endpoint; later ones only count. Most never recur:
 * of a TCP endpoint the first ones are noted where all else is kept of it. */
__noinline __u32 pt_is_first_failure(__u64 id, __u32 kind, __u32 call_number, __u32 error,
				     __u32 is_sigpipe)
{
	__u64 failure = pt_failure_kind(call_number, error, is_sigpipe);
	struct pt_kept *kept = kind == PT_KIND_TCP ? pt_kept_of(id) : 0;
	bool is_told = false;

	if (!id)
		return true;
	for (int i = 0; kept && !is_told && i < PT_TOLD_MAX; i++) {
		if (!kept->told[i]) {
			kept->told[i] = failure;
			return true;
		}
		is_told = kept->told[i] == failure;
	}
	if (kept)
		kept->may_be_counted = 1;
	return pt_count_failure(id, kind, failure, is_told);
}
