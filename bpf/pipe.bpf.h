/* SPDX-License-Identifier: GPL-2.0-only */
/* Who holds the read end of a pipe, and who was the last to let go of it. */
#pragma once

#include "call.bpf.h"

#define PT_FMODE_READ 0x1

static __always_inline bool pt_is_pipe_read_end(struct file *file)
{
	return pt_file_type(file) == PT_S_IFIFO && (BPF_CORE_READ(file, f_mode) & PT_FMODE_READ);
}

static __always_inline void pt_note_reader(struct file *file, struct task_struct *task, bool closing)
{
	__u64 inode = BPF_CORE_READ(file, f_inode, i_ino);
	struct pt_closure reader;

	pt_fill_holder(&reader, task, closing);
	bpf_map_update_elem(&pipe_readers, &inode, &reader, BPF_ANY);
}
