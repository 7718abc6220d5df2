/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads of kernel memory, in two ways. From 6.2 a program may say of what type an address is
 * (bpf_rdonly_cast, which costs nothing) and then read it with plain loads; a load that faults
 * yields 0. Before, and where the kernel compiles no programs, each read is a call
 * (bpf_probe_read_kernel), which takes ten times as long. pt_config.direct_reads is constant to the
 * verifier: it never sees the other way. */
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

/* Inside a function that exists for either way: `direct` is a constant there, and with it `pointer`
 * is typed. */
#define PT_GET(direct, pointer, ...)                                                               \
	((direct) ? ___arrow(pointer, ##__VA_ARGS__) : BPF_CORE_READ(pointer, ##__VA_ARGS__))

/* One read. Of several from the same pointer, PT_GET makes less work. */
#define PT_READ(pointer, ...)                                                                      \
	(pt_config.direct_reads ? ___arrow(pt_typed(pointer), ##__VA_ARGS__)                       \
				: BPF_CORE_READ(pointer, ##__VA_ARGS__))
