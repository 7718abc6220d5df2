// SPDX-License-Identifier: GPL-2.0-only
/* Who reads a pipe, where no hook sees its ends go: what a program begins with, what it leaves, and
 * who goes on with it. */
#include "pipe.bpf.h"

/* Of a parent's descriptors. */
#define PT_FDS_SEARCHED_MAX 64

static __always_inline __u32 pt_own_tgid(void)
{
	return bpf_get_current_pid_tgid() >> 32;
}

/* The next ones are global functions: the verifier looks into each once. The others answer with a file's
 * address, 0 for none. */
__noinline __u32 pt_reads_pipe(__u64 address, __u64 id)
{
	struct file *file = (struct file *)address;

	return pt_is_pipe_read_end(file) && pt_pipe_id(file) == id;
}

__noinline __u64 pt_read_end_among(__u64 slots, __u64 id)
{
	__u64 files[PT_FDS_AT_ONCE] = {};

	bpf_probe_read_kernel(files, sizeof(files), (void *)slots);
	for (int i = 0; i < PT_FDS_AT_ONCE; i++)
		if (files[i] && pt_reads_pipe(files[i], id))
			return files[i];
	return 0;
}

/* Descriptor tables hold a multiple of 64. */
__noinline __u64 pt_read_end_of_parent(__u64 id)
{
	__u64 slots = (__u64)BPF_CORE_READ(pt_current(), real_parent, files, fdt, fd);

	for (int first = 0; slots && first < PT_FDS_SEARCHED_MAX; first += PT_FDS_AT_ONCE) {
		__u64 found = pt_read_end_among(slots + first * sizeof(void *), id);

		if (found)
			return found;
	}
	return 0;
}

static __always_inline struct task_struct *pt_parent(void)
{
	return BPF_CORE_READ(pt_current(), real_parent);
}

/* A parent that has it as its own standard input reads on when this program has done (a shell's
 * `( head -1; cat )`). One that has it elsewhere is taken to be about to close its copy: a shell does, on a busy
 * machine after its program has ended. */
static __always_inline void pt_reader_begins(struct file *file, __u64 id)
{
	struct pt_pipe_reader *reader = pt_note_reader(id, pt_current(), false);
	__u32 tgid = pt_own_tgid();

	if (!reader || pt_file_of_task(pt_parent(), 0) != file)
		return;
	reader->shared = 1;
	/* Its standard input, if that is one of several. */
	bpf_map_update_elem(&pipe_sharers, &tgid, &id, pt_file_of_fd(0) == file ? BPF_ANY : BPF_NOEXIST);
}

/* Current has read it, and ends. False: its parent does not have it. */
static __always_inline bool pt_pass_to_parent(__u64 id)
{
	struct file *file = (struct file *)pt_read_end_of_parent(id);
	struct pt_pipe_reader *reader;

	if (!file)
		return false;
	reader = pt_note_reader(id, pt_parent(), false);
	if (reader)
		reader->shared = pt_file_references(file) > pt_copies_of((__u64)file) + 1;
	return true;
}

static __always_inline void pt_reader_exits(struct file *file, __u64 id)
{
	struct pt_pipe_reader *reader = bpf_map_lookup_elem(&pipe_readers, &id);
	__u32 readers = BPF_CORE_READ(file, f_inode, i_pipe, readers);
	bool is_known = reader && reader->closure.by.tgid == pt_own_tgid();
	__u32 files = 1;

	if (pt_is_shared(file)) {
		if (is_known && !reader->closure.at_ns && !pt_pass_to_parent(id))
			reader->shared = 1;
		return;
	}
	/* It may have opened the pipe by its name more than once (/dev/fd, a FIFO). */
	if (is_known && reader->closure.at_ns)
		files = reader->files + (pt_file_references(file) == 1);
	if (files < readers && reader && !is_known)
		return;
	reader = pt_note_reader(id, pt_current(), true);
	if (!reader)
		return;
	reader->files = files;
	reader->shared = files < readers;
}

/* A program that reads what another writes (popen(), a shell's `$( )`) has the only read end when
 * that one begins, and nobody else gets it as long as it forks no more. */
static __always_inline void pt_writer_begins(__u64 id)
{
	struct pt_pipe_reader *reader;
	struct file *read_end;
	__u32 tgid = BPF_CORE_READ(pt_parent(), tgid);
	__u32 none = 0;
	__u32 *forks;

	if (bpf_map_lookup_elem(&pipe_readers, &id))
		return;
	read_end = (struct file *)pt_read_end_of_parent(id);
	if (!read_end || pt_file_references(read_end) != 1)
		return;
	bpf_map_update_elem(&pipe_keepers, &tgid, &none, BPF_NOEXIST);
	forks = bpf_map_lookup_elem(&pipe_keepers, &tgid);
	reader = forks ? pt_note_reader(id, pt_parent(), false) : 0;
	if (!reader)
		return;
	reader->kept = 1;
	reader->forks = *forks;
}

__noinline int pt_look_at_pipe(__u64 address, __u32 exiting)
{
	struct file *file = (struct file *)address;
	__u64 id = pt_pipe_id(file);
	bool reads = BPF_CORE_READ(file, f_mode) & PT_FMODE_READ;

	if (reads && exiting)
		pt_reader_exits(file, id);
	else if (reads)
		pt_reader_begins(file, id);
	else if (!exiting)
		pt_writer_begins(id);
	return 0;
}

/* It may have closed its copy by itself before it exited, as head does: its parent reads on. */
__noinline int pt_sharer_exits(__u32 tgid)
{
	__u64 *shared = bpf_map_lookup_elem(&pipe_sharers, &tgid);
	struct pt_pipe_reader *reader;
	__u64 id;

	if (!shared)
		return 0;
	id = *shared;
	bpf_map_delete_elem(&pipe_sharers, &tgid);
	reader = bpf_map_lookup_elem(&pipe_readers, &id);
	if (reader && reader->closure.by.tgid == tgid && reader->shared && !reader->closure.at_ns)
		pt_pass_to_parent(id);
	return 0;
}
