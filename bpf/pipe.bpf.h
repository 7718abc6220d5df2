/* SPDX-License-Identifier: GPL-2.0-only */
/* Who holds the read end of a pipe, and who was the last to let go of it. */
#pragma once

#include "call.bpf.h"

#define PT_FMODE_READ 0x1

static __always_inline bool pt_is_pipe_read_end(struct file *file)
{
	return pt_file_type(file) == PT_S_IFIFO && (BPF_CORE_READ(file, f_mode) & PT_FMODE_READ);
}

/* at_ns 0: still open, seen in the hands of `task`. */
static __always_inline void pt_fill_reader(struct pt_closure *reader, struct task_struct *task, bool closing)
{

	__builtin_memset(reader, 0, sizeof(*reader));
	pt_fill_task(&reader->by, task);
	reader->call_number = PT_NO_CALL;
	if (!closing)
		return;
	reader->at_ns = bpf_ktime_get_ns();
	pt_fill_ending(reader, task);
}

static __always_inline void pt_note_reader(struct file *file, struct task_struct *task, bool closing)
{
	__u64 inode = BPF_CORE_READ(file, f_inode, i_ino);
	struct pt_closure reader;

	pt_fill_reader(&reader, task, closing);
	bpf_map_update_elem(&pipe_readers, &inode, &reader, BPF_ANY);
}
