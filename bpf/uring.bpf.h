/* SPDX-License-Identifier: GPL-2.0-only */
/* The io_uring request that current is working on: no hook on io_uring, it is looked for once a
 * signal was raised. */
#pragma once

#include "pipe.bpf.h"
#include "vmlinux_io_uring.h"

#define PT_SETUP_SQE128 0x400
#define PT_ENTER_REGISTERED_RING 0x10
#define PT_REGISTERED_RINGS 16
#define PT_SQE_BYTES 64
#define PT_SQE_FIXED_FILE 0x1
#define PT_SQE_LINKED 0xc /* IOSQE_IO_LINK, IOSQE_IO_HARDLINK */
#define PT_SQE_ASYNC 0x10
#define PT_URING_WRITEV 2
#define PT_URING_WRITE_FIXED 5
#define PT_URING_WRITE 23
#define PT_URING_SPLICE 30
#define PT_URING_TEE 33
#define PT_SEND_SHUTDOWN 2

/* The request at `head` of the submission queue, which is in memory shared with the program. */
static __always_inline struct io_uring_sqe *pt_submitted(struct io_ring_ctx *ring, __u32 head)
{
	u32 *array = BPF_CORE_READ(ring, sq_array);
	__u32 bytes = PT_SQE_BYTES << !!(BPF_CORE_READ(ring, flags) & PT_SETUP_SQE128);
	__u32 mask = BPF_CORE_READ(ring, sq_entries) - 1;
	__u32 slot = head & mask;

	if (array) /* IORING_SETUP_NO_SQARRAY, since 6.6 */
		bpf_probe_read_kernel(&slot, sizeof(slot), array + slot);
	return (void *)BPF_CORE_READ(ring, sq_sqes) + (__u64)(slot & mask) * bytes;
}

static __always_inline bool pt_writes(__u8 opcode)
{
	return opcode == PT_URING_WRITE || opcode == PT_URING_WRITEV ||
	       opcode == PT_URING_WRITE_FIXED || opcode == PT_URING_SPLICE ||
	       opcode == PT_URING_TEE;
}

/* A worker notes its request before it begins (io_assign_current_work(), 5.10 to 7.2). A request
 * begins with what its kind needs: io_rw of a write. */
static __always_inline struct file *pt_file_of_worker(struct pt_call *call)
{
	struct io_wq_work *work = BPF_CORE_READ(pt_io_worker(pt_current()), cur_work);
	struct io_kiocb *request = (void *)work - bpf_core_field_offset(struct io_kiocb, work);

	if (!work)
		return 0;
	if (BPF_CORE_READ(request, opcode) == PT_URING_WRITE)
		call->bytes = BPF_CORE_READ((struct io_rw *)request, len);
	return BPF_CORE_READ(request, file);
}

/* A write there can be what raised SIGPIPE. */
static __always_inline bool pt_is_broken(struct file *file)
{
	__u32 type = pt_file_type(file);
	struct sock *sk;

	if (type == PT_S_IFIFO)
		return !BPF_CORE_READ(file, f_inode, i_pipe, readers);
	if (type != PT_S_IFSOCK)
		return false;
	sk = pt_sock_of_file(file);
	return !pt_is_tcp(sk) || (BPF_CORE_READ(sk, sk_shutdown) & PT_SEND_SHUTDOWN) ||
	       BPF_CORE_READ(sk, __sk_common.skc_state) == PT_TCP_CLOSE;
}

static __always_inline struct file *pt_file_of_ring(__u32 ring_fd, __u32 enter_flags)
{
	struct io_uring_task *context;
	struct file *file = 0;

	if (!(enter_flags & PT_ENTER_REGISTERED_RING))
		return pt_file_of_fd(ring_fd);
	context = pt_io_uring_context(pt_current());
	if (context && ring_fd < PT_REGISTERED_RINGS &&
	    bpf_core_field_exists(context->registered_rings))
		bpf_probe_read_kernel(&file, sizeof(file),
				      (void *)context +
					      bpf_core_field_offset(context->registered_rings) +
					      ring_fd * sizeof(file));
	return file;
}

/* The request that is being submitted. It is the last that was taken from the queue, and the
 * queue's public head stays behind until all are taken (io_submit_sqes(), 5.10 to 7.2); but a chain
 * begins when its last is taken, and a retry has no place in the queue. Those, and registered
 * files, stay unknown. */
static __always_inline struct file *pt_file_of_submission(struct pt_call *call, __u32 ring_fd,
							  __u32 enter_flags)
{
	struct io_uring_sqe *request;
	struct io_ring_ctx *ring;
	struct file *file;
	__u32 head;

	ring = BPF_CORE_READ(pt_file_of_ring(ring_fd, enter_flags), private_data);
	head = BPF_CORE_READ(ring, cached_sq_head);
	if (!ring || head == BPF_CORE_READ(ring, rings, sq.head))
		return 0;
	if (BPF_CORE_READ(pt_submitted(ring, head - 2), flags) & PT_SQE_LINKED)
		return 0;
	request = pt_submitted(ring, head - 1);
	if (BPF_CORE_READ(request, flags) & (PT_SQE_LINKED | PT_SQE_FIXED_FILE | PT_SQE_ASYNC))
		return 0;
	if (!pt_writes(BPF_CORE_READ(request, opcode)))
		return 0;
	file = pt_file_of_fd(BPF_CORE_READ(request, fd));
	if (!file || !pt_is_broken(file))
		return 0;
	call->fd = BPF_CORE_READ(request, fd);
	if (BPF_CORE_READ(request, opcode) == PT_URING_WRITE)
		call->bytes = BPF_CORE_READ(request, len);
	return file;
}

/* For a call that is io_uring_enter: the file that its request writes to, or null. */
static __noinline struct file *pt_uring_file(struct pt_call *call)
{
	struct pt_registers r = {};

	if (BPF_CORE_READ(pt_current(), flags) & PT_PF_IO_WORKER)
		return pt_file_of_worker(call);
	if (!pt_read_registers(&r))
		return 0;
	return pt_file_of_submission(call, r.argument[0], r.argument[3]);
}
