// SPDX-License-Identifier: GPL-2.0-only
/* The end of a pipe's last reader, where the kernel allows a hook on it. */
#include "pipe.bpf.h"

#include <bpf/bpf_tracing.h>

static __always_inline int pt_pipe_released(struct inode *inode, struct file *file)
{
	struct pipe_inode_info *pipe = BPF_CORE_READ(inode, i_pipe);
	__u64 id;

	if (!(BPF_CORE_READ(file, f_mode) & PT_FMODE_READ))
		return 0;
	/* pipe_release() has not counted down yet. Without a writer nobody will ever mind. */
	if (BPF_CORE_READ(pipe, readers) != 1 || !BPF_CORE_READ(pipe, writers))
		return 0;
	id = pt_pipe_id(file);
	if (pt_can_be_closer())
		pt_note_reader(id, pt_current(), true);
	else
		bpf_map_delete_elem(&pipe_readers, &id);
	return 0;
}

SEC("fentry/pipe_release")
int BPF_PROG(pt_pipe_release_fentry, struct inode *inode, struct file *file)
{
	return pt_pipe_released(inode, file);
}

SEC("kprobe/pipe_release")
int BPF_KPROBE(pt_pipe_release_kprobe, struct inode *inode, struct file *file)
{
	return pt_pipe_released(inode, file);
}
