/* SPDX-License-Identifier: GPL-2.0-only */
/* The two ends of a unix socket: which is at the other side, how it went, what they are called. */
#pragma once

#include "pipe.bpf.h"

#define PT_SOCK_DGRAM 2
#define PT_SOCK_SEQPACKET 5
#define PT_UNREAD_WALKED_MAX 128 /* buffers */
#define PT_BUFFERS_AT_ONCE 8

/* Keys of unix_ends. An end is its struct sock: the other one holds a reference to it for as long
 * as it points to it, so that the address is no other socket's when a failing end looks for it. The
 * acts that only shut a direction down lie beside it. Where the other end forgets this one, or
 * never saw it go, it is the number of the other end's inode. */
#define PT_SENDING_SHUT 1
#define PT_RECEIVING_SHUT 2

static __always_inline bool pt_is_unix(struct sock *sk)
{
	return PT_READ(sk, __sk_common.skc_family) == PT_AF_UNIX;
}

static __always_inline struct sock *pt_unix_peer(struct sock *sk)
{
	return BPF_CORE_READ((struct unix_sock *)sk, peer);
}

/* 0: not accepted yet, or given up by its program. */
static __always_inline __u64 pt_unix_inode(struct sock *sk)
{
	return BPF_CORE_READ(sk, sk_socket, file, f_inode, i_ino);
}

static __always_inline bool pt_is_dead(struct sock *sk)
{
	return (BPF_CORE_READ(sk, __sk_common.skc_flags) >> PT_SOCK_DEAD) & 1;
}

static __always_inline void pt_fill_unix_endpoint(struct pt_endpoint *out, struct sock *sk)
{
	__u64 inode = pt_unix_inode(sk);

	__builtin_memset(out, 0, sizeof(*out));
	out->kind = PT_KIND_UNIX;
	out->id = inode ? PT_FILE_ID(PT_KIND_UNIX, inode) : 0;
}

/* The part of the facts that every socket has. */
static __always_inline void pt_fill_unix_facts(struct pt_tcp *out, struct sock *sk)
{
	__builtin_memset(out, 0, sizeof(*out));
	out->last_sent_ago_ticks = PT_NO_AGE;
	out->last_received_ago_ticks = PT_NO_AGE;
	out->error = BPF_CORE_READ(sk, sk_err);
	out->shutdown = BPF_CORE_READ(sk, sk_shutdown);
}

/* Bytes of a message, or of a part of a stream, that no read took. */
static __always_inline __u32 pt_unix_bytes_by(struct sk_buff *skb, bool direct)
{
	struct unix_skb_parms *parms =
		(struct unix_skb_parms *)((char *)skb + bpf_core_field_offset(skb->cb));

	/* The kernel's types know no parms in the sk_buff, but bytes. */
	if (direct)
		return skb->len - *(__u32 *)(skb->cb + bpf_core_field_offset(parms->consumed));
	return BPF_CORE_READ(skb, len) - BPF_CORE_READ(parms, consumed);
}

static __always_inline __u32 pt_unix_bytes(struct sk_buff *skb)
{
	return PT_DIRECT_READS ? pt_unix_bytes_by(pt_typed(skb), true)
				      : pt_unix_bytes_by(skb, false);
}

/* How current gives this end up now. */
static __always_inline void pt_fill_unix_closure(struct pt_closure *out, struct sock *sk)
{
	struct pt_registers registers = {};

	__builtin_memset(out, 0, sizeof(*out));
	out->at_ns = bpf_ktime_get_ns();
	out->call_number = pt_read_registers(&registers) ? registers.number : PT_NO_CALL;
	if (!pt_can_be_closer() || pt_is_collected(sk))
		return;
	pt_fill_task(&out->by, pt_current());
	pt_fill_ending(out, pt_current());
}

/* What is remembered of the end `key` is about the other end of this very socket: addresses recur,
 * and where no hook sees each end go, what was there before may still lie there. A socket that had
 * not been accepted then has no number yet; who had connected to it, it knows. */
static __always_inline bool pt_is_end_of(const struct pt_unix_end *end, struct sock *sk,
					 __u64 inode)
{
	if (end->other_inode)
		return end->other_inode == inode;
	return !pt_config.walk_unix ||
	       (__u32)BPF_CORE_READ(sk, sk_peer_pid, numbers[0].nr) == end->closure.by.tgid;
}

/* Where no hook sees each end go: who holds this one, or goes with it. */
static const struct pt_unix_end pt_no_unix_end = {};

/* Filled in its place, as pt_note_reader() does. */
static __always_inline void pt_note_unix_holder(struct sock *sk, struct task_struct *task,
						bool closing)
{
	__u64 inode = pt_unix_inode(pt_unix_peer(sk));
	__u64 key = (__u64)sk;
	struct pt_unix_end *end;

	bpf_map_update_elem(&unix_ends, &key, &pt_no_unix_end, BPF_ANY);
	end = bpf_map_lookup_elem(&unix_ends, &key);
	if (!end)
		return;
	pt_fill_holder(&end->closure, task, closing);
	end->other_inode = inode;
	if (closing && inode && BPF_CORE_READ(sk, sk_type) == PT_SOCK_DGRAM)
		bpf_map_update_elem(&unix_ends, &inode, end, BPF_ANY);
}

/* unix.bpf.c: a listener goes with current, and what connected to it was not accepted. */
int pt_note_unaccepted(__u64 listener);

static __always_inline void pt_note_unix_gone_before(struct sock *sk)
{
	struct pt_unix_end end = {};
	__u64 inode = pt_unix_inode(sk);

	end.other_inode = inode;
	end.before_trace = 1;
	bpf_map_update_elem(&unix_ends, &inode, &end, BPF_ANY);
}

/* unix.bpf.c. Global: the verifier looks into each once a program. */
/* Bytes that lie unread there; PT_UNREAD_SOME: too many parts to count. */
__u32 pt_unix_unread(__u64 socket);
/* Tells what is known of the ends of `socket`, whose other end is `other` (0: it has none any
 * more). */
int pt_report_unix(__u64 socket, __u64 other);
/* A call on `socket` returned -error. */
int pt_unix_call_failed(__u64 socket, __u32 error, __u32 direction);
