/* SPDX-License-Identifier: GPL-2.0-only */
/* Process identity of a task. */
#pragma once

#include "maps.bpf.h"

#include <bpf/bpf_core_read.h>

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
	int code = BPF_CORE_READ(task, signal, group_exit_code);

	return code ? code : BPF_CORE_READ(task, exit_code);
}

static __always_inline void pt_fill_task(struct pt_task *out, struct task_struct *task)
{
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	struct pid *pid = BPF_CORE_READ(leader, thread_pid);
	unsigned int level = BPF_CORE_READ(pid, level);
	struct upid own_namespace = {};

	out->tgid = BPF_CORE_READ(task, tgid);
	out->tid = BPF_CORE_READ(task, pid);
	out->parent_tgid = BPF_CORE_READ(task, real_parent, tgid);
	out->start_boottime_ns = BPF_CORE_READ(leader, start_boottime);
	out->cgroup_id = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
	out->uid = BPF_CORE_READ(task, cred, uid.val);
	out->padding = 0;
	/* MAX_PID_NS_LEVEL is 32; struct upid is two pointers wide. */
	if (level <= 32) {
		__u64 offset = bpf_core_field_offset(pid->numbers) + level * bpf_core_type_size(struct upid);

		bpf_probe_read_kernel(&own_namespace.nr, sizeof(own_namespace.nr), (char *)pid + offset);
	}
	out->namespace_tgid = own_namespace.nr;
	BPF_CORE_READ_STR_INTO(&out->process_comm, leader, comm);
	BPF_CORE_READ_STR_INTO(&out->thread_comm, task, comm);
}

/* Whether current can be named as the one who closes. Not a kernel thread; and not the tracer, whose walk
 * over descriptors holds each file for a moment: if its owner closes it just then, the last reference is
 * the walk's, and the socket's release runs in the tracer. */
static __always_inline bool pt_can_be_closer(void)
{
	if (bpf_get_current_pid_tgid() >> 32 == pt_tracer_tgid)
		return false;
	return !(BPF_CORE_READ(pt_current(), flags) & PT_PF_KTHREAD);
}

/* How current goes, where it is on its way out. */
static __always_inline void pt_fill_ending(struct pt_closure *out, struct task_struct *task)
{
	out->exiting = !!(BPF_CORE_READ(task, flags) & PT_PF_EXITING);
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
