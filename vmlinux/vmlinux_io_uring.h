/* SPDX-License-Identifier: GPL-2.0-only */
/* The types of io_uring that pipetrace's programs touch; see vmlinux.h. */
#ifndef __VMLINUX_IO_URING_H__
#define __VMLINUX_IO_URING_H__

#include "vmlinux.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct io_uring_sqe {
	__u8 opcode;
	__u8 flags;
	__s32 fd;
	__u32 len;
};
struct io_uring {
	u32 head;
};
struct io_rings {
	struct io_uring sq;
};
struct io_ring_ctx {
	unsigned int flags;
	struct io_rings *rings;
	u32 *sq_array;
	struct io_uring_sqe *sq_sqes;
	unsigned int cached_sq_head;
	unsigned int sq_entries;
};
struct io_uring_task {
	struct file *registered_rings[16];
};
struct io_wq_work {
	unsigned int flags;
};
struct io_worker {
	struct io_wq_work *cur_work;
};
struct io_rw {
	u32 len;
};
struct io_kiocb {
	struct file *file;
	u8 opcode;
	struct io_wq_work work;
};

#pragma clang attribute pop

#endif
