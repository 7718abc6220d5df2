// SPDX-License-Identifier: GPL-2.0-only
/* Processes: children of those asked for, programs started, ends. */
#include "pipe.bpf.h"

#include <bpf/bpf_tracing.h>

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
	int exit_code;

	if (BPF_CORE_READ(task, signal, live.counter) != 0)
		return 0;
	if (pt_config.walk_pipes)
		pt_walk_pipes(true);
	if (!bpf_map_lookup_elem(&watched, &tgid))
		return 0;
	record = pt_reserve(struct pt_process_exited, PT_PROCESS_EXITED);
	if (record) {
		pt_stamp_task(&record->header);
		exit_code = BPF_CORE_READ(task, signal, group_exit_code);
		record->exit_code = exit_code ? exit_code : BPF_CORE_READ(task, exit_code);
		record->padding = 0;
		pt_submit(record);
	}
	bpf_map_delete_elem(&watched, &tgid);
	return 0;
}
