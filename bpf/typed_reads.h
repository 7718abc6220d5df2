/* SPDX-License-Identifier: GPL-2.0-only */
/* What the loader fills in for the programs' typed reads (kernel_read.bpf.h): a call and the types
 * it names. Kernels from 6.2 have the call, bpf_rdonly_cast(); its number, and those of the types,
 * are each kernel's. */
#ifndef PIPETRACE_TYPED_READS_H
#define PIPETRACE_TYPED_READS_H

/* No helper has this number: where the call stays as it is, no program reaches it. */
#define PT_CAST_CALL 0x50540000
#define PT_CAST_FUNCTION "bpf_rdonly_cast"

/* The number that stands for the type in front of the call. */
#define PT_CAST_TYPE(index) (0x50550000 + (index))

/* The first is also what the loader tries the call with. */
#define PT_READ_TYPES(X)                                                                           \
	X(sock)                                                                                    \
	X(inet_sock)                                                                               \
	X(inet_connection_sock)                                                                    \
	X(tcp_sock)                                                                                \
	X(socket)                                                                                  \
	X(task_struct)                                                                             \
	X(pt_regs)                                                                                 \
	X(fdtable)                                                                                 \
	X(file)                                                                                    \
	X(sk_buff)                                                                                 \
	X(rb_node)

enum pt_read_type {
#define PT_READ_TYPE(name) PT_READ_TYPE_##name,
	PT_READ_TYPES(PT_READ_TYPE)
#undef PT_READ_TYPE
		PT_READ_TYPE_COUNT
};

#endif
