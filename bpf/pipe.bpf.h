/* SPDX-License-Identifier: GPL-2.0-only */
/* Who holds the read end of a pipe, and who was the last to let go of it. */
#pragma once

#include "call.bpf.h"

#define PT_FMODE_READ 0x1
/* Descriptors that are looked at by one call. */
#define PT_FDS_AT_ONCE 8
#define PT_PIPEFS_MAGIC 0x50495045
/* Of a FIFO, whose inode is a file system's own: that it is one, and a part of which. */
#define PT_FIFO_ID (1ULL << 56)
#define PT_FIFO_DEVICE_SHIFT 57
#define PT_FIFO_DEVICE_MASK 7

static __always_inline bool pt_is_pipe_read_end(struct file *file)
{
	return pt_file_type(file) == PT_S_IFIFO && (BPF_CORE_READ(file, f_mode) & PT_FMODE_READ);
}

static __always_inline __u64 pt_pipe_id(struct file *file)
{
	struct super_block *sb = BPF_CORE_READ(file, f_inode, i_sb);
	__u64 id = PT_FILE_ID(PT_KIND_PIPE, BPF_CORE_READ(file, f_inode, i_ino) & PT_FILE_ID_INODE);

	if (BPF_CORE_READ(sb, s_magic) == PT_PIPEFS_MAGIC)
		return id;
	id |= (__u64)(BPF_CORE_READ(sb, s_dev) & PT_FIFO_DEVICE_MASK) << PT_FIFO_DEVICE_SHIFT;
	return id | PT_FIFO_ID;
}

static const struct pt_pipe_reader pt_no_reader = {};

/* Filled in its place: a copy on the stack is more than a chain of calls has room for (512 bytes in all). */
static __always_inline struct pt_pipe_reader *pt_note_reader(__u64 id, struct task_struct *task, bool closing)
{
	struct pt_pipe_reader *reader;

	bpf_map_update_elem(&pipe_readers, &id, &pt_no_reader, BPF_ANY);
	reader = bpf_map_lookup_elem(&pipe_readers, &id);
	if (reader)
		pt_fill_holder(&reader->closure, task, closing);
	return reader;
}

/* task.bpf.c: how many of current's first descriptors name this file. */
__u32 pt_copies_of(__u64 file);

/* Current's end leaves it in other hands. */
static __always_inline bool pt_is_shared(struct file *file)
{
	__u64 references = pt_file_references(file);

	return references != 1 && references > pt_copies_of((__u64)file);
}

/* pipe_walk.bpf.c: an end of a pipe that current has as its program begins, or as it exits. */
int pt_look_at_pipe(__u64 file, __u32 exiting);
int pt_sharer_exits(__u32 tgid);
