// SPDX-License-Identifier: GPL-2.0-only
/* Processes: children of those asked for, programs started, ends. */
#include "pipe.bpf.h"

#include <bpf/bpf_tracing.h>

/* Of the first 64 descriptors, as many open ones: the verifier's work at every start grows with it. */
#define PT_FDS_WALKED_MAX 24

/* Position of the lowest bit set: the number of bits below it. (clang 14 fails on the built-in.) */
static __always_inline int pt_lowest_bit(__u64 bits)
{
	__u64 below = (bits & -bits) - 1;

	below -= (below >> 1) & 0x5555555555555555ULL;
	below = (below & 0x3333333333333333ULL) + ((below >> 2) & 0x3333333333333333ULL);
	below = (below + (below >> 4)) & 0x0f0f0f0f0f0f0f0fULL;
	return (below * 0x0101010101010101ULL) >> 56;
}

/* These two are global functions: the verifier looks into them once, not once for every descriptor. (The
 * address is a number because 5.10 lets no other type into such a function.) */

/* The bit of the first of the `open` descriptors, if it is the read end of a pipe whose going can break
 * something; else 0. */
__noinline __u64 pt_first_if_pipe(__u64 slots, __u64 open, __u32 exiting)
{
	struct file *file = 0;

	bpf_probe_read_kernel(&file, sizeof(file), (struct file **)slots + pt_lowest_bit(open));
	if (!pt_is_pipe_read_end(file))
		return 0;
	/* Not the last reader: its going breaks nothing. */
	if (exiting && BPF_CORE_READ(file, f_inode, i_pipe, readers) > 1)
		return 0;
	return open & -open;
}

__noinline __u64 pt_inode_of_first(__u64 slots, __u64 open)
{
	struct file *file = 0;

	bpf_probe_read_kernel(&file, sizeof(file), (struct file **)slots + pt_lowest_bit(open));
	return BPF_CORE_READ(file, f_inode, i_ino);
}

/* Where pipe_release cannot be hooked: a program's descriptors as its exec leaves them and as its
 * exit finds them (sched_process_exit comes before exit_files). Two loops without a branch in them: each
 * would double what the verifier walks. */
static __always_inline void pt_walk_pipes(bool exiting)
{
	struct task_struct *task = pt_current();
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	__u64 slots = (__u64)BPF_CORE_READ(table, fd);
	unsigned long *bits = BPF_CORE_READ(table, open_fds);
	unsigned long open = 0;
	__u64 pipes = 0;
	struct pt_closure reader;

	bpf_probe_read_kernel(&open, sizeof(open), bits);
	for (int walked = 0; walked < PT_FDS_WALKED_MAX && open; walked++, open &= open - 1)
		pipes |= pt_first_if_pipe(slots, open, exiting);
	if (!pipes)
		return;
	pt_fill_reader(&reader, task, exiting);
	for (int walked = 0; walked < PT_FDS_WALKED_MAX && pipes; walked++, pipes &= pipes - 1) {
		__u64 inode = pt_inode_of_first(slots, pipes);

		bpf_map_update_elem(&pipe_readers, &inode, &reader, BPF_ANY);
	}
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(pt_process_fork, struct task_struct *parent, struct task_struct *child)
{
	struct pt_process_forked *record;
	__u32 parent_tgid = BPF_CORE_READ(parent, tgid);
	__u32 child_tgid = BPF_CORE_READ(child, tgid);
	__u32 *flags = bpf_map_lookup_elem(&watched, &parent_tgid);
	__u32 inherited = PT_WATCH_TRACED | PT_WATCH_FOLLOW;

	/* A new thread belongs to a group that is known already. */
	if (!flags || (*flags & inherited) != inherited || child_tgid == parent_tgid)
		return 0;
	bpf_map_update_elem(&watched, &child_tgid, &inherited, BPF_ANY);
	record = pt_reserve(struct pt_process_forked, PT_PROCESS_FORKED);
	if (!record)
		return 0;
	pt_stamp_task(&record->header);
	pt_fill_task(&record->child, child);
	pt_submit(record);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(pt_process_exec, struct task_struct *task)
{
	struct pt_process_executed *record;
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;

	if (pt_config.walk_pipes)
		pt_walk_pipes(false);
	if (!bpf_map_lookup_elem(&watched, &tgid))
		return 0;
	record = pt_reserve(struct pt_process_executed, PT_PROCESS_EXECUTED);
	if (!record)
		return 0;
	pt_stamp_task(&record->header);
	pt_submit(record);
	return 0;
}

/* Once a process, by its last thread: signal->live has been counted down (do_exit). */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(pt_process_exit, struct task_struct *task)
{
	struct pt_process_exited *record;
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;

	if (BPF_CORE_READ(task, signal, live.counter) != 0)
		return 0;
	if (pt_config.walk_pipes)
		pt_walk_pipes(true);
	if (!bpf_map_lookup_elem(&watched, &tgid))
		return 0;
	record = pt_reserve(struct pt_process_exited, PT_PROCESS_EXITED);
	if (record) {
		pt_stamp_task(&record->header);
		record->exit_code = pt_exit_code(task);
		record->padding = 0;
		pt_submit(record);
	}
	bpf_map_delete_elem(&watched, &tgid);
	return 0;
}
