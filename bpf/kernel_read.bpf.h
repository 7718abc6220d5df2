/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads of kernel memory, in two ways. From 6.2 a program may say of what type an address is
 * (bpf_rdonly_cast, which costs nothing) and then read it with plain loads; a load that faults
 * yields 0. Before, and where the kernel compiles no programs, each read is a call
 * (bpf_probe_read_kernel), which takes ten times as long. The programs are compiled once for either way
 * (PT_DIRECT_READS): both in one would be twice as much for the verifier to look through. */
#pragma once

#include "maps.bpf.h"
#include "typed_reads.h"

#include <bpf/bpf_core_read.h>

#define PT_READ_TYPE_CASE(name)                                                                    \
	, struct name * : PT_READ_TYPE_##name, const struct name * : PT_READ_TYPE_##name
#define pt_read_type_of(pointer) _Generic((pointer)PT_READ_TYPES(PT_READ_TYPE_CASE))

/* The same pointer, which the verifier now takes for one to its type. Without side effects to the
 * compiler: it makes one of several. */
#define pt_typed(pointer)                                                                          \
	({                                                                                         \
		typeof(pointer) typed;                                                             \
		asm("r1 = %1\n\t"                                                                  \
		    "r2 = %2\n\t"                                                                  \
		    "call %3\n\t"                                                                  \
		    "%0 = r0"                                                                      \
		    : "=r"(typed)                                                                  \
		    : "r"(pointer), "i"(PT_CAST_TYPE(pt_read_type_of(pointer))), "i"(PT_CAST_CALL) \
		    : "r0", "r1", "r2", "r3", "r4", "r5");                                         \
		typed;                                                                             \
	})

/* A long copy, by one call: to the verifier a load and a store for each word are more, in all the ways that lead there. */
#define pt_copy(to, from) bpf_probe_read_kernel(to, sizeof(*(to)), from)

/* The verifier no longer knows what is there, and takes the ways that came here for one. */
#define pt_forget(value) pt_copy(&(value), &(value))

/* Inside a function that exists for either way: `direct` is a constant there, and with it `pointer`
 * is typed. */
#define PT_GET(direct, pointer, ...)                                                               \
	((direct) ? ___arrow(pointer, ##__VA_ARGS__) : BPF_CORE_READ(pointer, ##__VA_ARGS__))

/* One read. Of several from the same pointer, PT_GET makes less work. */
#define PT_READ(pointer, ...)                                                                      \
	(PT_DIRECT_READS ? ___arrow(pt_typed(pointer), ##__VA_ARGS__)                              \
			 : BPF_CORE_READ(pointer, ##__VA_ARGS__))
