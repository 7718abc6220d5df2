/* SPDX-License-Identifier: GPL-2.0-only */
/* Every difference between kernel releases that the programs meet, each with its release.
 * Differences in argument lists are in struct pt_config, found by userspace from BTF. */
#pragma once

#include "maps.bpf.h"

#include <bpf/bpf_core_read.h>

/* CONFIG_TASK_XACCT off: task->ioac has no wchar. */
static __always_inline __u64 pt_written_bytes(struct task_struct *task)
{
	if (!bpf_core_field_exists(task->ioac.wchar))
		return PT_NO_COUNT;
	return BPF_CORE_READ(task, ioac.wchar);
}

/* rcv_tstamp left struct tcp_sock's hot groups more than once; absent reads as "not known". */
static __always_inline bool pt_has_rcv_tstamp(struct tcp_sock *tp)
{
	return bpf_core_field_exists(tp->rcv_tstamp);
}

/* How many references a file has: f_count up to 6.12; from 6.13 f_ref, which counts from 0. */
struct file___to_6_12 {
	atomic64_t f_count;
} __attribute__((preserve_access_index));
struct file___from_6_13 {
	struct {
		atomic64_t refcnt;
	} f_ref;
} __attribute__((preserve_access_index));

static __always_inline __u64 pt_file_references(struct file *file)
{
	struct file___from_6_13 *newer = (struct file___from_6_13 *)file;

	if (bpf_core_field_exists(newer->f_ref))
		return BPF_CORE_READ(newer, f_ref.refcnt.counter) + 1;
	return BPF_CORE_READ((struct file___to_6_12 *)file, f_count.counter);
}

/* The last reference is gone: the file is being released (__fput). The newer count is below zero
 * then. */
static __always_inline bool pt_is_released(struct file *file)
{
	__u64 references = pt_file_references(file);

	return !references || references >> 63;
}

/* What an io_uring worker is, in its task. */
struct task_struct___to_5_16 {
	void *pf_io_worker;
} __attribute__((preserve_access_index));
struct task_struct___from_5_17 {
	void *worker_private;
} __attribute__((preserve_access_index));

struct io_worker;

static __always_inline struct io_worker *pt_io_worker(struct task_struct *task)
{
	struct task_struct___to_5_16 *older = (struct task_struct___to_5_16 *)task;

	if (bpf_core_field_exists(older->pf_io_worker))
		return BPF_CORE_READ(older, pf_io_worker);
	return BPF_CORE_READ((struct task_struct___from_5_17 *)task, worker_private);
}

/* A socket that only messages nobody can receive any more refer to. 5.10 and 6.1: unix_gc() marks
 * it, and runs in whatever process closes some unix socket next; from 6.12 in a kernel thread. */
#define PT_UNIX_GC_CANDIDATE 0x1
struct unix_sock___older {
	unsigned long gc_flags;
} __attribute__((preserve_access_index));

static __always_inline bool pt_is_collected(struct sock *sk)
{
	struct unix_sock___older *older = (struct unix_sock___older *)sk;

	return bpf_core_field_exists(older->gc_flags) &&
	       (BPF_CORE_READ(older, gc_flags) & PT_UNIX_GC_CANDIDATE);
}

/* A task's rings, registered since 5.18. */
struct task_struct___with_rings {
	struct io_uring_task *io_uring;
} __attribute__((preserve_access_index));
struct io_uring_task;

static __always_inline struct io_uring_task *pt_io_uring_context(struct task_struct *task)
{
	return BPF_CORE_READ((struct task_struct___with_rings *)task, io_uring);
}

/* enum sock_flags, the same in 5.10 to 7.2. */
#define PT_SOCK_DEAD 0
#define PT_SOCK_DONE 1
#define PT_SOCK_KEEPOPEN 3
#define PT_SOCK_LINGER 4

/* x86-64: the saved registers end 16384 bytes above the stack's start; right on 5.10, where there
 * is no bpf_task_pt_regs (wrong on 7.2, which has it). arm64 leaves room for a frame record. */
#define PT_STACK_BYTES 16384

/* A tracepoint's pointer that may be null. The verifier of 6.14 and later takes most of them for never
 * null and drops the branch that handles it: to compare one, it is read as a number. */
static __always_inline __u64 pt_nullable_argument(unsigned long long *ctx, int index)
{
	__u64 value = 0;

	bpf_probe_read_kernel(&value, sizeof(value), ctx + index);
	return value;
}

/* An address that the verifier no longer takes for a pointer: it lets no pointer of a tracepoint or a function
 * into a global function. What is negated is any number to it (check_alu_op(), 5.10 to 7.2). */
static __always_inline __u64 pt_as_number(const void *pointer)
{
	__u64 value = (__u64)pointer;

	asm volatile("%0 = -%0\n\t"
		     "%0 = -%0"
		     : "+r"(value));
	return value;
}

/* ctx[index] at an offset that is in the instruction itself. Where two branches read different ones,
 * the compiler would make one load from a computed address, which the verifier refuses. */
#define pt_context_argument(ctx, index)                                                            \
	({                                                                                         \
		__u64 argument;                                                                    \
		asm volatile("%0 = *(u64 *)(%1 + %2)"                                              \
			     : "=r"(argument)                                                      \
			     : "r"(ctx), "i"((index) * 8));                                        \
		argument;                                                                          \
	})
