/* SPDX-License-Identifier: GPL-2.0-only */
/* Process identity of a task. */
#pragma once

#include "kernel_read.bpf.h"

#define PT_PF_EXITING 0x4
#define PT_PF_IO_WORKER 0x10 /* io_uring's: one of the process, that works on its requests */
#define PT_PF_KTHREAD 0x200000

/* As an integer cast: the typed helper does not exist in 5.10. */
static __always_inline struct task_struct *pt_current(void)
{
	return (struct task_struct *)bpf_get_current_task();
}

/* The wait status that the task ends with: its group's, else its own. */
static __always_inline int pt_exit_code(struct task_struct *task)
{
	int code = PT_READ(task, signal, group_exit_code);

	return code ? code : PT_READ(task, exit_code);
}

/* The kernel pads names with zeros (strscpy_pad, 5.16 and later: before, there are no direct
 * reads). */
static __always_inline void pt_copy_comm(char *out, const char *comm)
{
	((__u64 *)out)[0] = ((const __u64 *)comm)[0];
	((__u64 *)out)[1] = ((const __u64 *)comm)[1];
	out[PT_COMM_LEN - 1] = 0;
}

static __always_inline __u32 pt_namespace_tgid(struct pid *pid, unsigned int level)
{
	__u64 offset =
		bpf_core_field_offset(pid->numbers) + level * bpf_core_type_size(struct upid);
	int number = 0;

	/* MAX_PID_NS_LEVEL is 32; struct upid is two pointers wide. */
	if (level <= 32)
		bpf_probe_read_kernel(&number, sizeof(number), (char *)pid + offset);
	return number;
}

static __always_inline void pt_fill_task_by(struct pt_task *out, struct task_struct *task,
					    bool direct)
{
	struct task_struct *leader = PT_GET(direct, task, group_leader);
	struct pid *pid = PT_GET(direct, leader, thread_pid);
	unsigned int level = PT_GET(direct, pid, level);

	out->tgid = PT_GET(direct, task, tgid);
	out->tid = PT_GET(direct, task, pid);
	out->parent_tgid = PT_GET(direct, task, real_parent, tgid);
	out->start_boottime_ns = PT_GET(direct, leader, start_boottime);
	out->cgroup_id = PT_GET(direct, task, cgroups, dfl_cgrp, kn, id);
	out->uid = PT_GET(direct, task, cred, uid.val);
	out->padding = 0;
	out->namespace_tgid = direct && !level ? out->tgid : pt_namespace_tgid(pid, level);
	if (direct) {
		pt_copy_comm(out->process_comm, leader->comm);
		pt_copy_comm(out->thread_comm, task->comm);
	} else {
		BPF_CORE_READ_STR_INTO(&out->process_comm, leader, comm);
		BPF_CORE_READ_STR_INTO(&out->thread_comm, task, comm);
	}
}

static __always_inline void pt_fill_task(struct pt_task *out, struct task_struct *task)
{
	if (PT_DIRECT_READS)
		pt_fill_task_by(out, pt_typed(task), true);
	else
		pt_fill_task_by(out, task, false);
}

/* How current goes, where it is on its way out. */
static __always_inline void pt_fill_ending(struct pt_closure *out, struct task_struct *task)
{
	out->exiting = !!(PT_READ(task, flags) & PT_PF_EXITING);
	out->signal = out->exiting ? pt_exit_code(task) & 0x7f : 0;
	out->exit_status = out->exiting ? (pt_exit_code(task) >> 8) & 0xff : 0;
	out->oom = out->signal && BPF_CORE_READ(task, signal, oom_mm);
}

/* Who held a pipe's or a unix socket's end. at_ns 0: it was still open, in the hands of `task`. */
static __always_inline void pt_fill_holder(struct pt_closure *out, struct task_struct *task, bool closing)
{
	__builtin_memset(out, 0, sizeof(*out));
	pt_fill_task(&out->by, task);
	out->call_number = PT_NO_CALL;
	if (!closing)
		return;
	out->at_ns = bpf_ktime_get_ns();
	pt_fill_ending(out, task);
}
