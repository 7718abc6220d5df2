/* SPDX-License-Identifier: GPL-2.0-only */
/* The system call that current is in, from its saved registers, and the repeats of its failures. */
#pragma once

#include "endpoint.bpf.h"

#define PT_S_IFMT 0170000
#define PT_S_IFSOCK 0140000
#define PT_S_IFIFO 0010000
#define PT_IOVECS_MAX 8
#define PT_ARGUMENTS 6
#define PT_ENOTCONN 107
#define PT_EPIPE 32
#define PT_ECONNRESET 104
#define PT_ETIMEDOUT 110
#define PT_ECONNREFUSED 111
#define PT_EHOSTUNREACH 113
#define PT_ENETUNREACH 101
/* What else ICMP is made into (icmp_err_convert). */
#define PT_ENONET 64
#define PT_EPROTO 71
#define PT_ENOPROTOOPT 92
#define PT_EHOSTDOWN 112
#define PT_MSG_NOSIGNAL 0x4000
#define PT_IO_URING_ENTER 426 /* on every architecture */

struct pt_registers {
	__u64 argument[PT_ARGUMENTS];
	__u16 number;
};

static __always_inline struct pt_regs *pt_saved_registers(void)
{
	if (PT_DIRECT_READS || pt_config.has_task_regs_helper)
		return (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
#if defined(__TARGET_ARCH_x86)
	return (struct pt_regs *)(BPF_CORE_READ(pt_current(), stack) + PT_STACK_BYTES -
				  bpf_core_type_size(struct pt_regs));
#else
	return 0;
#endif
}

static __always_inline bool pt_read_registers_by(struct pt_registers *out, bool direct)
{
	struct task_struct *task = direct ? bpf_get_current_task_btf() : pt_current();
	struct pt_regs *regs = direct ? (struct pt_regs *)bpf_task_pt_regs(task) : pt_saved_registers();
	unsigned int flags = PT_GET(direct, task, flags);
	long number;

	if (flags & PT_PF_IO_WORKER) {
		/* Its registers are a copy of those that its creator had (copy_thread). */
		out->number = PT_IO_URING_ENTER;
		return true;
	}
	if (!regs || (flags & PT_PF_KTHREAD))
		return false;
#if defined(__TARGET_ARCH_x86)
	number = PT_GET(direct, regs, orig_ax);
	out->argument[0] = PT_GET(direct, regs, di);
	out->argument[1] = PT_GET(direct, regs, si);
	out->argument[2] = PT_GET(direct, regs, dx);
	out->argument[3] = PT_GET(direct, regs, r10);
	out->argument[4] = PT_GET(direct, regs, r8);
	out->argument[5] = PT_GET(direct, regs, r9);
#else
	number = PT_GET(direct, regs, syscallno);
	out->argument[0] = PT_GET(direct, regs, orig_x0);
	out->argument[1] = PT_GET(direct, regs, user_regs.regs[1]);
	out->argument[2] = PT_GET(direct, regs, user_regs.regs[2]);
	out->argument[3] = PT_GET(direct, regs, user_regs.regs[3]);
	out->argument[4] = PT_GET(direct, regs, user_regs.regs[4]);
	out->argument[5] = PT_GET(direct, regs, user_regs.regs[5]);
#endif
	/* -1: not in a system call (a signal's return). */
	if (number < 0 || number >= PT_SYSCALL_MAX)
		return false;
	out->number = number;
	return true;
}

/* Direct reads are younger than bpf_task_pt_regs(), which gives a typed pointer. */
static __always_inline bool pt_read_registers(struct pt_registers *out)
{
	return PT_DIRECT_READS ? pt_read_registers_by(out, true)
				      : pt_read_registers_by(out, false);
}

static __always_inline __u64 pt_argument(const struct pt_registers *r, __u8 index_plus_one)
{
	/* Spelt out: a variable index into the stack is more than 5.10's verifier follows. */
	switch (index_plus_one) {
	case 1:
		return r->argument[0];
	case 2:
		return r->argument[1];
	case 3:
		return r->argument[2];
	case 4:
		return r->argument[3];
	case 5:
		return r->argument[4];
	case 6:
		return r->argument[5];
	}
	return 0;
}

static __always_inline struct file *pt_file_of_task(struct task_struct *task, __u32 fd)
{
	struct fdtable *table = PT_READ(task, files, fdt);
	struct file **slots = PT_READ(table, fd);
	struct file *file = 0;

	if (fd >= PT_READ(table, max_fds))
		return 0;
	bpf_probe_read_kernel(&file, sizeof(file), slots + fd);
	return file;
}

static __always_inline struct file *pt_file_of_fd(__u32 fd)
{
	return pt_file_of_task(pt_current(), fd);
}

static __always_inline __u32 pt_file_type(struct file *file)
{
	return PT_READ(file, f_inode, i_mode) & PT_S_IFMT;
}

static __always_inline struct sock *pt_sock_of_file(struct file *file)
{
	struct socket *socket = PT_READ(file, private_data);

	return pt_connection_of(PT_READ(socket, sk));
}

/* Global: the verifier looks into it once, whatever led there. */
__weak __noinline __s64 pt_iovec_bytes(__u64 vector, __u64 count)
{
	__s64 total = 0;

	if (count > PT_IOVECS_MAX)
		return -1;
	for (__u64 i = 0; i < PT_IOVECS_MAX; i++) {
		struct iovec iov;

		if (i >= count)
			break;
		if (bpf_probe_read_user(&iov, sizeof(iov), (void *)(vector + i * sizeof(iov))))
			return -1;
		total += iov.iov_len;
	}
	return total;
}

static __always_inline __s64 pt_requested_bytes(const struct pt_registers *r,
						const struct pt_syscall_shape *shape)
{
	struct user_msghdr message;
	__u64 vector = r->argument[1];
	__u64 count = r->argument[2];

	if (shape->bytes_argument)
		return pt_argument(r, shape->bytes_argument);
	if (!shape->vector)
		return -1;
	if (shape->vector == PT_VECTOR_MSGHDR) {
		if (bpf_probe_read_user(&message, sizeof(message), (void *)vector))
			return -1;
		vector = (__u64)message.msg_iov;
		count = message.msg_iovlen;
	}
	return pt_iovec_bytes(vector, count);
}

/* Fills `call` and returns the file its descriptor names, or null. */
static __always_inline struct file *pt_fill_call(struct pt_call *call)
{
	struct pt_registers r = {};
	struct pt_syscall_shape *shape;
	__u32 number;

	__builtin_memset(call, 0, sizeof(*call));
	call->number = PT_NO_CALL;
	call->fd = -1;
	call->bytes = -1;
	if (!pt_read_registers(&r))
		return 0;
	number = r.number;
	call->number = r.number;
	shape = bpf_map_lookup_elem(&syscall_shapes, &number);
	if (!shape || !shape->fd_argument)
		return 0;
	call->fd = pt_argument(&r, shape->fd_argument);
	call->bytes = pt_requested_bytes(&r, shape);
	if (shape->flags_argument)
		call->msg_flags = pt_argument(&r, shape->flags_argument);
	return pt_file_of_fd(call->fd);
}

/* As above, for a hook that knows its socket: a descriptor that names another is not this one's
 * (io_uring, whose fd is the ring). */
static __always_inline void pt_fill_call_on(struct pt_call *call, struct sock *sk)
{
	struct file *file = pt_fill_call(call);

	if (file && pt_file_type(file) == PT_S_IFSOCK && pt_sock_of_file(file) == sk)
		return;
	call->fd = -1;
	call->bytes = -1;
}

/* Errors that mean the connection, not the argument, is at fault. */
/* sock.bpf.c: says that an error waits on a TCP socket. */
int pt_raise_error(__u64 socket);

static __always_inline bool pt_is_connection_error(int error)
{
	switch (error) {
	case -PT_EPIPE:
	case -PT_ECONNRESET:
	case -PT_ECONNABORTED:
	case -PT_ECONNREFUSED:
	case -PT_ETIMEDOUT:
	case -PT_EHOSTUNREACH:
	case -PT_ENETUNREACH:
	case -PT_ENONET:
	case -PT_EPROTO:
	case -PT_ENOPROTOOPT:
	case -PT_EHOSTDOWN:
	case -PT_ENOTCONN:
		return true;
	}
	return false;
}

static __always_inline long pt_number_in(struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	return PT_READ(regs, orig_ax);
#else
	return PT_READ(regs, syscallno);
#endif
}

/* Whether current's call may hold another process's file for a moment: it reads a walk over descriptors, lists
 * /proc/PID/fd or follows a path there. Of what it names by path it lets go itself in no other way. A 32-bit program's
 * numbers are taken for those of a 64-bit one. Global: the verifier goes through it once. */
__weak __noinline __u32 pt_may_look_at_files(void)
{
	struct pt_registers r = {};

	if (!pt_read_registers(&r))
		return false;
	switch (r.number) {
#if defined(__TARGET_ARCH_x86)
	case 0: /* read */
#else
	case 63:
#endif
		/* One on a socket that another thread has closed meanwhile lets go of it itself: no descriptor is left. */
		return pt_file_of_fd(r.argument[0]) != 0;
#if defined(__TARGET_ARCH_x86)
	case 2: /* open */
	case 4: /* stat */
	case 6: /* lstat */
	case 21: /* access */
	case 78: /* getdents */
	case 89: /* readlink */
	case 191: /* getxattr */
	case 192: /* lgetxattr */
	case 194: /* listxattr */
	case 195: /* llistxattr */
	case 217: /* getdents64 */
	case 257: /* openat */
	case 262: /* newfstatat */
	case 267: /* readlinkat */
	case 269: /* faccessat */
	case 332: /* statx */
#else
	case 8: /* getxattr */
	case 9: /* lgetxattr */
	case 11: /* listxattr */
	case 12: /* llistxattr */
	case 48: /* faccessat */
	case 56: /* openat */
	case 61: /* getdents64 */
	case 78: /* readlinkat */
	case 79: /* newfstatat */
	case 291: /* statx */
#endif
	case 437: /* openat2 */
	case 438: /* pidfd_getfd */
	case 439: /* faccessat2 */
		return true;
	}
	return false;
}

/* Whether current can be named as the one who closes. Not a kernel thread; and not the tracer, or whoever else looks
 * at others' files (another tracer, ls, lsof), which holds each for a moment: if its owner closes it just then, the
 * last reference is the looker's, and the release runs there. */
static __always_inline bool pt_can_be_closer(void)
{
	unsigned int flags = PT_READ(pt_current(), flags);

	if (bpf_get_current_pid_tgid() >> 32 == pt_tracer_tgid || (flags & PT_PF_KTHREAD))
		return false;
	/* A signal ends a process in whatever call it is. */
	return (flags & PT_PF_EXITING) || !pt_may_look_at_files();
}

/* Where a failure's repeats are counted, or would be. */
static __always_inline struct pt_repeats *pt_repeats_of(__u64 id, __u64 failure)
{
	__u32 place = pt_repeats_place(id, failure);

	return bpf_map_lookup_elem(&repeats, &place);
}

/* failure.bpf.c. */
int pt_report_endpoint(__u64 socket, __u64 id, __u64 now);
__u32 pt_is_first_failure(__u64 id, __u32 kind, __u32 call_number, __u32 error, __u32 is_sigpipe);

/* Of struct pt_failure_count what tells one kind of failure from another, as one number; never 0.
 */
static __always_inline __u64 *pt_kind_of(struct pt_failure_count *slot)
{
	return (__u64 *)&slot->tid;
}

static __always_inline __u64 pt_failure_kind(__u16 call_number, __u8 error, __u8 is_sigpipe)
{
	__u32 tid = bpf_get_current_pid_tgid();

	return tid | (__u64)call_number << 32 | (__u64)error << 48 | (__u64)is_sigpipe << 56;
}

/* Whether this thread's failure of that kind on this endpoint was met before. */
static __always_inline bool pt_was_told(__u64 endpoint_id, __u16 call_number, __u8 error)
{
	struct pt_failure_counts *counts = bpf_map_lookup_elem(&failing, &endpoint_id);
	struct pt_kept *kept = pt_kept_of(endpoint_id);
	__u64 failure = pt_failure_kind(call_number, error, false);

	for (int i = 0; kept && i < PT_TOLD_MAX; i++)
		if (kept->told[i] == failure)
			return true;
	if (!counts)
		return false;
	for (int i = 0; i < PT_COUNT_SLOTS; i++) {
		struct pt_failure_count *slot = &counts->slots[i];

		if (slot->count && *pt_kind_of(slot) == failure)
			return true;
	}
	return false;
}
