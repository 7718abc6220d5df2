/* SPDX-License-Identifier: GPL-2.0-only */
/* Who holds the read end of a pipe, and who was the last to let go of it. */
#pragma once

#include "call.bpf.h"

#define PT_FMODE_READ 0x1
/* Of the first 64 descriptors, as many open ones: the verifier's work at every start grows with it. */
#define PT_FDS_WALKED_MAX 24

static __always_inline bool pt_is_pipe_read_end(struct file *file)
{
	return pt_file_type(file) == PT_S_IFIFO && (BPF_CORE_READ(file, f_mode) & PT_FMODE_READ);
}

/* at_ns 0: still open, seen in the hands of `task`. */
static __always_inline void pt_fill_reader(struct pt_closure *reader, struct task_struct *task, bool closing)
{
	int exit_code;

	__builtin_memset(reader, 0, sizeof(*reader));
	pt_fill_task(&reader->by, task);
	reader->call_number = PT_NO_CALL;
	if (!closing)
		return;
	reader->at_ns = bpf_ktime_get_ns();
	reader->exiting = !!(BPF_CORE_READ(task, flags) & PT_PF_EXITING);
	exit_code = BPF_CORE_READ(task, signal, group_exit_code);
	if (!exit_code)
		exit_code = BPF_CORE_READ(task, exit_code);
	reader->signal = reader->exiting ? exit_code & 0x7f : 0;
}

static __always_inline void pt_note_reader(struct file *file, struct task_struct *task, bool closing)
{
	__u64 inode = BPF_CORE_READ(file, f_inode, i_ino);
	struct pt_closure reader;

	pt_fill_reader(&reader, task, closing);
	bpf_map_update_elem(&pipe_readers, &inode, &reader, BPF_ANY);
}

/* Position of the lowest bit set: the number of bits below it. (clang 14 fails on the built-in.) */
static __always_inline int pt_lowest_bit(__u64 bits)
{
	__u64 below = (bits & -bits) - 1;

	below -= (below >> 1) & 0x5555555555555555ULL;
	below = (below & 0x3333333333333333ULL) + ((below >> 2) & 0x3333333333333333ULL);
	below = (below + (below >> 4)) & 0x0f0f0f0f0f0f0f0fULL;
	return (below * 0x0101010101010101ULL) >> 56;
}

/* Where pipe_release cannot be hooked: a program's descriptors as its exec leaves them and as its
 * exit finds them (sched_process_exit comes before exit_files). */
static __always_inline void pt_walk_pipes(bool exiting)
{
	struct task_struct *task = pt_current();
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file **slots = BPF_CORE_READ(table, fd);
	unsigned long *bits = BPF_CORE_READ(table, open_fds);
	unsigned long open = 0;
	struct pt_closure reader;

	/* Before the loop, whose body the verifier walks once for every descriptor. */
	pt_fill_reader(&reader, task, exiting);
	bpf_probe_read_kernel(&open, sizeof(open), bits);
	for (int walked = 0; walked < PT_FDS_WALKED_MAX; walked++) {
		struct file *file = 0;
		struct inode *inode;
		__u64 number;
		int fd;

		if (!open)
			break;
		fd = pt_lowest_bit(open);
		open &= open - 1;
		bpf_probe_read_kernel(&file, sizeof(file), slots + fd);
		inode = BPF_CORE_READ(file, f_inode);
		if ((BPF_CORE_READ(inode, i_mode) & PT_S_IFMT) != PT_S_IFIFO)
			continue;
		if (!(BPF_CORE_READ(file, f_mode) & PT_FMODE_READ))
			continue;
		/* Not the last reader: its going breaks nothing. */
		if (exiting && BPF_CORE_READ(inode, i_pipe, readers) > 1)
			continue;
		number = BPF_CORE_READ(inode, i_ino);
		bpf_map_update_elem(&pipe_readers, &number, &reader, BPF_ANY);
	}
}
