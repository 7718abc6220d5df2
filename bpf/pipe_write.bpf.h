/* SPDX-License-Identifier: GPL-2.0-only */
/* What a write to a pipe had put into it when SIGPIPE was raised: the call then returns that count. */
#pragma once

#include "pipe.bpf.h"

/* From the tracepoint's arguments up to vfs_write()'s frame; what lies above that is of a random size. */
#define PT_STACK_WORDS_MAX 192
#define PT_WORDS_AT_ONCE 8
#define PT_CANDIDATES_MAX 8 /* the buffer's address lies there as an argument, too */
#define PT_ATOMIC_BYTES 4096 /* PIPE_BUF: taken whole or not at all */

/* Since 6.0 write() describes its buffer by ITER_UBUF, before by an iovec of one entry (new_sync_write()). */
struct iov_iter___from_6_0 {
	__u8 iter_type;
	__u64 iov_offset;
	void *ubuf;
	__u64 count;
} __attribute__((preserve_access_index));
struct iov_iter___to_5_19 {
	__u64 iov_offset;
	__u64 count;
	struct iovec *iov;
	unsigned long nr_segs;
} __attribute__((preserve_access_index));
enum iter_type___from_6_0 { ITER_UBUF___from_6_0 = 0 };

/* Where the word lies among those at `from`, or 0. Global, as the ones below: the verifier goes through its
 * loop once, and takes what it returns for any number. */
__weak __noinline __u64 pt_find_among_words(__u64 from, __u64 word)
{
	__u64 words[PT_WORDS_AT_ONCE] = {};

	bpf_probe_read_kernel(words, sizeof(words), (void *)from);
	for (int i = 0; i < PT_WORDS_AT_ONCE; i++)
		if (words[i] == word)
			return from + i * sizeof(__u64);
	return 0;
}

/* Where it lies at or after `from`; 0: nowhere before `to`. */
__weak __noinline __u64 pt_find_word(__u64 from, __u64 to, __u64 word)
{
	for (int i = 0; i < PT_STACK_WORDS_MAX && from < to; i += PT_WORDS_AT_ONCE) {
		__u64 found = pt_find_among_words(from, word);

		if (found)
			return found < to ? found : 0;
		from += PT_WORDS_AT_ONCE * sizeof(__u64);
	}
	return 0;
}

/* What is left is never nothing: a write that has put all in ends before it looks for readers again (pipe_write(), 5.10
 * to 7.2). Its buffer and size may lie side by side elsewhere, as arguments. */
static __always_inline bool pt_is_write_under_way(__u64 taken, __u64 left, __u64 bytes)
{
	return left && taken + left == bytes;
}

static __always_inline __u64 pt_taken_of_buffer(__u64 at, __u64 bytes)
{
	struct iov_iter___from_6_0 *iter = 0;
	__u64 taken;

	iter = (void *)(at - bpf_core_field_offset(iter->ubuf));
	if (BPF_CORE_READ(iter, iter_type) != bpf_core_enum_value(enum iter_type___from_6_0, ITER_UBUF___from_6_0))
		return PT_NO_COUNT;
	taken = BPF_CORE_READ(iter, iov_offset);
	return pt_is_write_under_way(taken, BPF_CORE_READ(iter, count), bytes) ? taken : PT_NO_COUNT;
}

/* `at` holds the buffer's address, perhaps as the iovec that an iterator points to. */
static __always_inline __u64 pt_taken_of_vector(__u64 from, __u64 to, __u64 at, __u64 bytes)
{
	struct iov_iter___to_5_19 *iter = 0;
	__u64 length = 0;
	__u64 taken;

	bpf_probe_read_kernel(&length, sizeof(length), (void *)(at + sizeof(__u64)));
	if (length != bytes)
		return PT_NO_COUNT;
	for (int i = 0; i < PT_CANDIDATES_MAX; i++) {
		__u64 pointer = pt_find_word(from, to, at);

		if (!pointer)
			break;
		from = pointer + sizeof(__u64);
		iter = (void *)(pointer - bpf_core_field_offset(iter->iov));
		taken = BPF_CORE_READ(iter, iov_offset);
		if (BPF_CORE_READ(iter, nr_segs) == 1 &&
		    pt_is_write_under_way(taken, BPF_CORE_READ(iter, count), bytes))
			return taken;
	}
	return PT_NO_COUNT;
}

/* No hook shows it: vfs_write()'s iterator lies on the stack between here and the saved registers, and is
 * known by the call's own arguments. PT_NO_COUNT: not found. */
__weak __noinline __u64 pt_taken_bytes(__u64 from, __u64 to, __u64 buffer, __u64 bytes)
{
	struct iov_iter___from_6_0 *newer = 0;
	__u64 next = from;

	for (int i = 0; i < PT_CANDIDATES_MAX; i++) {
		__u64 at = pt_find_word(next, to, buffer);
		__u64 taken;

		if (!at)
			break;
		next = at + sizeof(__u64);
		if (bpf_core_field_exists(newer->ubuf))
			taken = pt_taken_of_buffer(at, bytes);
		else
			taken = pt_taken_of_vector(from, to, at, bytes);
		if (taken != PT_NO_COUNT)
			return taken;
	}
	return PT_NO_COUNT;
}

/* enum pt_taken of the pipe write under way; `stack`: an address of this program's caller's. */
static __always_inline __u8 pt_taken_by_pipe(const struct pt_call *call, const void *stack)
{
	__u64 to = pt_as_number(pt_saved_registers());
	struct pt_registers r = {};
	__u64 taken;

	if (call->bytes <= PT_ATOMIC_BYTES || !to || !pt_read_registers(&r))
		return PT_TAKEN_UNKNOWN;
	taken = pt_taken_bytes(pt_as_number(stack), to, r.argument[1], call->bytes);
	if (taken == PT_NO_COUNT)
		return PT_TAKEN_UNKNOWN;
	return taken ? PT_TAKEN_SOME : PT_TAKEN_NONE;
}
