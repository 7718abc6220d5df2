// SPDX-License-Identifier: GPL-2.0-only
/* Processes: children of those asked for, programs started, ends. */
#include "unix.bpf.h"

#include <bpf/bpf_tracing.h>

/* Of a descriptor table: as many times 64 descriptors, by eights. */
#define PT_FD_WORDS_MAX 16
#define PT_FD_WORD_BITS 64
/* Among as many first ones, copies of one descriptor are looked for. */
#define PT_FDS_COMPARED_MAX 16

/* The next ones are global functions: the verifier looks into them once, not once for every descriptor.
 * (Addresses are numbers because 5.10 lets no other type into such a function.) */

__noinline __u32 pt_copies_among(__u64 slots, __u64 file)
{
	__u64 named[PT_FDS_AT_ONCE] = {};
	__u32 copies = 0;

	bpf_probe_read_kernel(named, sizeof(named), (void *)slots);
	for (int i = 0; i < PT_FDS_AT_ONCE; i++)
		copies += named[i] == file;
	return copies;
}

/* How many of the first descriptors of current name this file. */
__noinline __u32 pt_copies_of(__u64 file)
{
	struct fdtable *table = BPF_CORE_READ(pt_current(), files, fdt);
	__u64 slots = (__u64)BPF_CORE_READ(table, fd);
	__u32 copies = 0;

	for (int first = 0; first < PT_FDS_COMPARED_MAX; first += PT_FDS_AT_ONCE)
		copies += pt_copies_among(slots + first * sizeof(void *), file);
	return copies;
}

static __always_inline void pt_look_at_unix_socket(struct sock *sk, struct file *file, bool exiting)
{
	struct sock *other = pt_unix_peer(sk);
	__u64 key = (__u64)sk;
	struct pt_unix_end *end;

	if (exiting && BPF_CORE_READ(sk, __sk_common.skc_state) == PT_TCP_LISTEN && !pt_is_shared(file))
		pt_note_unaccepted(pt_as_number(sk));
	if (!other || pt_is_dead(other))
		return;
	/* What a program begins with is meant for it, though its parent may not have closed its copy yet. */
	if (!exiting || !pt_is_shared(file)) {
		pt_note_unix_holder(sk, pt_current(), exiting);
		return;
	}
	/* It stays open in other hands. */
	end = bpf_map_lookup_elem(&unix_ends, &key);
	if (end && end->closure.by.tgid == (__u32)(bpf_get_current_pid_tgid() >> 32))
		bpf_map_delete_elem(&unix_ends, &key);
}

__noinline int pt_look_at_file(__u64 address, __u32 exiting)
{
	struct file *file = (struct file *)address;
	__u32 type = pt_file_type(file);
	struct sock *sk;

	if (pt_config.walk_pipes && type == PT_S_IFIFO)
		pt_look_at_pipe(address, exiting);
	if (!pt_config.walk_unix || type != PT_S_IFSOCK)
		return 0;
	sk = pt_sock_of_file(file);
	if (pt_is_unix(sk))
		pt_look_at_unix_socket(sk, file, exiting);
	return 0;
}

__noinline int pt_look_at_eight(__u64 slots, __u32 exiting)
{
	__u64 files[PT_FDS_AT_ONCE] = {};

	bpf_probe_read_kernel(files, sizeof(files), (void *)slots);
	for (int i = 0; i < PT_FDS_AT_ONCE; i++)
		if (files[i])
			pt_look_at_file(files[i], exiting);
	return 0;
}

__noinline int pt_walk_word(__u64 slots, __u64 open, __u32 exiting)
{
	for (int first = 0; first < PT_FD_WORD_BITS; first += PT_FDS_AT_ONCE)
		if ((open >> first) & 0xff)
			pt_look_at_eight(slots + first * sizeof(void *), exiting);
	return 0;
}

/* Where their ends cannot be hooked: a program's descriptors as its exec leaves them and as its exit finds
 * them (sched_process_exit comes before exit_files). */
static __always_inline void pt_walk_descriptors(bool exiting)
{
	struct files_struct *files = BPF_CORE_READ(pt_current(), files);
	struct fdtable *table = BPF_CORE_READ(files, fdt);
	__u64 slots = (__u64)BPF_CORE_READ(table, fd);
	unsigned long *bits = BPF_CORE_READ(table, open_fds);
	__u32 words = BPF_CORE_READ(table, max_fds) / PT_FD_WORD_BITS;

	/* Another process lives on with this very table (CLONE_FILES). */
	if (exiting && BPF_CORE_READ(files, count.counter) > 1)
		return;
	for (__u32 word = 0; word < PT_FD_WORDS_MAX; word++) {
		unsigned long open = 0;

		if (word >= words)
			return;
		bpf_probe_read_kernel(&open, sizeof(open), bits + word);
		pt_walk_word(slots + word * PT_FD_WORD_BITS * sizeof(void *), open, exiting);
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
	__u32 *forks;

	/* A new thread belongs to a group that is known already. */
	if (child_tgid == parent_tgid)
		return 0;
	forks = bpf_map_lookup_elem(&pipe_keepers, &parent_tgid);
	if (forks)
		__sync_fetch_and_add(forks, 1);
	if (!flags || (*flags & inherited) != inherited)
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

	if (pt_config.walk_pipes || pt_config.walk_unix)
		pt_walk_descriptors(false);
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
	if (pt_config.walk_pipes || pt_config.walk_unix)
		pt_walk_descriptors(true);
	if (pt_config.walk_pipes)
		pt_sharer_exits(tgid);
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
