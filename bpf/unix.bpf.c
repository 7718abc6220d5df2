// SPDX-License-Identifier: GPL-2.0-only
/* Unix-domain sockets: ends that go, directions that are shut down, and calls that failed. */
#include "unix.bpf.h"

#include <bpf/bpf_tracing.h>

#define PT_PIDTYPE_TGID 1 /* enum pid_type, 5.10 to 7.2 */

/* Of an end that is still open, who gave it up is somebody else's: addresses recur, and what a
 * datagram socket has let go of is found by no one who could clear it away. */
static __always_inline struct pt_unix_end *pt_find_other_end(struct sock *sk, __u64 other,
							     __u64 inode)
{
	bool is_open = other && !pt_is_dead((struct sock *)other);
	__u64 shut = other | PT_RECEIVING_SHUT;
	struct pt_unix_end *end = other ? bpf_map_lookup_elem(&unix_ends, &shut) : 0;

	if (end && pt_is_end_of(end, sk, inode))
		return end;
	end = other ? bpf_map_lookup_elem(&unix_ends, &other) : 0;
	if (!end || !pt_is_end_of(end, sk, inode))
		end = bpf_map_lookup_elem(&unix_ends, &inode);
	return end && is_open && end->closure.at_ns ? 0 : end;
}

/* It has the name of its listener, and who connects seldom takes a name. */
static __always_inline bool pt_was_accepted(struct sock *sk, struct sock *other)
{
	return BPF_CORE_READ((struct unix_sock *)sk, addr) &&
	       !BPF_CORE_READ((struct unix_sock *)other, addr);
}

/* Who called connect(), if it lives: it held the other end then. (At the end that connected,
 * sk_peer_pid is but the one who called listen().) */
static __always_inline void pt_fill_connector(struct pt_closure *out, struct sock *sk)
{
	struct pid *pid = BPF_CORE_READ(sk, sk_peer_pid);
	__u64 link = (__u64)BPF_CORE_READ(pid, tasks[PT_PIDTYPE_TGID].first);
	struct task_struct *task = 0;

	if (!link)
		return;
	task = (struct task_struct *)(link - bpf_core_field_offset(task->pid_links) -
				      PT_PIDTYPE_TGID * bpf_core_type_size(struct hlist_node));
	if (!(BPF_CORE_READ(task, flags) & PT_PF_EXITING))
		pt_fill_holder(out, task, false);
}

static __always_inline void pt_fill_name(char *out, __u16 *length, struct unix_address *address)
{
	__u64 bytes = address ? BPF_CORE_READ(address, len) : 0;

	bytes -= sizeof(unsigned short);
	/* Of a path that fills sun_path, the kernel counts the 0 behind it (all releases). */
	if (bytes == PT_UNIX_PATH_LEN + 1)
		bytes = PT_UNIX_PATH_LEN;
	barrier_var(bytes); /* the verifier must meet the compare on the value that is passed on */
	if (bytes > PT_UNIX_PATH_LEN)
		return;
	bpf_probe_read_kernel(out, bytes, &address->name[0].sun_path);
	*length = bytes;
}

/* Where a message was to go that named its receiver. */
static __always_inline void pt_fill_target(struct pt_unix_named *record)
{
	struct pt_registers r = {};
	struct pt_syscall_shape *shape;
	struct user_msghdr message = {};
	__u64 bytes;
	__u32 number;

	if (!pt_read_registers(&r))
		return;
	number = r.number;
	shape = bpf_map_lookup_elem(&syscall_shapes, &number);
	if (!shape || !shape->flags_argument)
		return;
	if (shape->vector == PT_VECTOR_MSGHDR) {
		bpf_probe_read_user(&message, sizeof(message), (void *)r.argument[1]);
	} else if (shape->bytes_argument) {
		message.msg_name = (void *)r.argument[4];
		message.msg_namelen = r.argument[5];
	}
	bytes = message.msg_namelen;
	bytes -= sizeof(unsigned short);
	barrier_var(bytes);
	if (!message.msg_name || bytes > PT_UNIX_PATH_LEN)
		return;
	if (bpf_probe_read_user(record->remote, bytes, message.msg_name + sizeof(unsigned short)))
		return;
	record->remote_length = bytes;
	record->is_target = 1;
}

static __always_inline void pt_report_names(const struct pt_endpoint *e, struct sock *sk,
					    struct sock *other)
{
	struct pt_unix_named *record = pt_reserve(struct pt_unix_named, PT_UNIX_NAMED);

	if (!record)
		return;
	__builtin_memcpy(&record->endpoint, e, sizeof(*e));
	__builtin_memset(&record->local_length, 0,
			 sizeof(*record) - __builtin_offsetof(struct pt_unix_named, local_length));
	pt_fill_name(record->local, &record->local_length,
		     BPF_CORE_READ((struct unix_sock *)sk, addr));
	if (other)
		pt_fill_name(record->remote, &record->remote_length,
			     BPF_CORE_READ((struct unix_sock *)other, addr));
	else
		pt_fill_target(record);
	pt_submit(record);
}

static __always_inline struct sk_buff *pt_unix_queue(struct sock *sk)
{
	return (struct sk_buff *)((__u64)sk + bpf_core_field_offset(sk->sk_receive_queue));
}

/* A part of a stream that was read to its end leaves the queue at once (unix_stream_read_generic).
 */
static __always_inline bool pt_unix_has_unread(struct sock *sk)
{
	struct sk_buff *first = BPF_CORE_READ(sk, sk_receive_queue.next);

	return first && first != pt_unix_queue(sk) && pt_unix_bytes(first);
}

/* Of the buffers from `first` on as many as are looked at by one call, before the queue's end: their bytes. Global,
 * as the next one: the verifier goes through their loops once. */
__noinline __u32 pt_bytes_of_some(__u64 first, __u64 head)
{
	struct sk_buff *skb = (struct sk_buff *)first;
	__u32 bytes = 0;

	for (int i = 0; i < PT_BUFFERS_AT_ONCE && skb && (__u64)skb != head; i++) {
		bytes += pt_unix_bytes(skb);
		skb = PT_READ(skb, next);
	}
	return bytes;
}

/* And what comes after them; 0: nothing. */
__noinline __u64 pt_after_some(__u64 first, __u64 head)
{
	struct sk_buff *skb = (struct sk_buff *)first;

	for (int i = 0; i < PT_BUFFERS_AT_ONCE; i++) {
		if (!skb || (__u64)skb == head)
			return 0;
		skb = PT_READ(skb, next);
	}
	return pt_as_number(skb);
}

__noinline __u32 pt_unix_unread(__u64 socket)
{
	struct sock *sk = (struct sock *)socket;
	__u64 head = (__u64)pt_unix_queue(sk);
	__u64 next = pt_as_number(PT_READ(sk, sk_receive_queue.next));
	__u32 bytes = 0;

	for (int walked = 0; walked < PT_UNREAD_WALKED_MAX; walked += PT_BUFFERS_AT_ONCE) {
		if (!next || next == head)
			return bytes;
		bytes += pt_bytes_of_some(next, head);
		next = pt_after_some(next, head);
	}
	return PT_UNREAD_SOME;
}

/* A listener's queue holds the other ends of those that connected, each a buffer's owner
 * (unix_stream_connect(), all releases). As many as are looked at by one call. */
__noinline int pt_note_unaccepted(__u64 listener)
{
	struct sock *sk = (struct sock *)listener;
	struct sk_buff *skb = PT_READ(sk, sk_receive_queue.next);
	struct pt_unix_end *end;

	for (int i = 0; i < PT_BUFFERS_AT_ONCE && skb && skb != pt_unix_queue(sk); i++) {
		__u64 key = pt_as_number(PT_READ(skb, sk));

		pt_note_unix_holder((struct sock *)key, pt_current(), true);
		end = bpf_map_lookup_elem(&unix_ends, &key);
		if (end)
			end->closure.path = PT_PATH_LISTENER;
		skb = PT_READ(skb, next);
	}
	return 0;
}

static const struct pt_other_end_seen pt_no_other_end = {};

__noinline int pt_report_unix(__u64 socket, __u64 other)
{
	struct sock *sk = (struct sock *)socket;
	__u64 inode = pt_unix_inode(sk);
	__u64 own_key = socket | PT_SENDING_SHUT;
	struct pt_other_end_seen *record = pt_reserve(struct pt_other_end_seen, PT_OTHER_END_SEEN);
	struct pt_endpoint endpoint;
	struct pt_unix_end *end;
	struct pt_unix_end *own;

	if (!record)
		return 0;
	/* Before the ways part: the verifier follows each of them through all that comes after. */
	pt_fill_unix_endpoint(&endpoint, sk);
	__builtin_memcpy(&record->endpoint, &endpoint, sizeof(endpoint));
	bpf_probe_read_kernel(&record->closure,
			      sizeof(*record) - __builtin_offsetof(struct pt_other_end_seen, closure), &pt_no_other_end);
	record->socket_type = BPF_CORE_READ(sk, sk_type);
	end = pt_find_other_end(sk, other, inode);
	own = bpf_map_lookup_elem(&unix_ends, &own_key);
	if (end) {
		if (end->closure.at_ns || !end->shared)
			pt_copy(&record->closure, &end->closure);
		record->last_holder = !end->shared;
		record->before_trace = end->before_trace;
	} else if (pt_config.walk_unix && other && pt_was_accepted(sk, (struct sock *)other)) {
		pt_fill_connector(&record->closure, sk);
	}
	/* It tells this end before it throws away what lies unread there, and only that is seen. */
	if (pt_config.walk_unix && other && pt_is_dead((struct sock *)other) &&
	    !record->closure.unread_bytes && pt_unix_has_unread((struct sock *)other))
		record->closure.unread_bytes = PT_UNREAD_SOME;
	if (own)
		pt_copy(&record->own, &own->closure);
	if (other)
		record->other_end = pt_is_dead((struct sock *)other) ? PT_END_GONE : PT_END_OPEN;
	pt_submit(record);
	pt_report_names(&endpoint, sk, (struct sock *)other);
	return 0;
}

__noinline int pt_unix_call_failed(__u64 socket, __u32 error, __u32 direction)
{
	struct sock *sk = (struct sock *)socket;
	struct pt_call_failed *record;
	struct pt_registers registers = {};
	struct pt_endpoint endpoint;
	__u16 number = pt_read_registers(&registers) ? registers.number : PT_NO_CALL;

	pt_fill_unix_endpoint(&endpoint, sk);
	if (!endpoint.id || !pt_is_first_failure(endpoint.id, PT_KIND_UNIX, number, error, false))
		return 0;
	pt_watch_failed();
	pt_report_unix(socket, (__u64)pt_unix_peer(sk));
	record = pt_reserve(struct pt_call_failed, PT_CALL_FAILED);
	if (!record)
		return 0;
	pt_stamp_task(&record->header);
	__builtin_memcpy(&record->endpoint, &endpoint, sizeof(endpoint));
	pt_fill_unix_facts(&record->tcp, sk);
	pt_fill_call_on(&record->call, sk);
	record->error = error;
	record->direction = direction;
	record->no_signal = !!(record->call.msg_flags & PT_MSG_NOSIGNAL);
	__builtin_memset(record->padding, 0, sizeof(record->padding));
	pt_submit(record);
	return 0;
}

/* --- ends that go --- */

/* The failed end itself goes: how often it failed is known now. */
static __always_inline void pt_end_unix_failures(struct sock *sk)
{
	struct pt_endpoint_destroyed *record;
	struct pt_failures_counted *counted;
	struct pt_failure_counts *counts;
	struct pt_endpoint endpoint;

	pt_fill_unix_endpoint(&endpoint, sk);
	counts = bpf_map_lookup_elem(&failing, &endpoint.id);
	if (!counts)
		return;
	counted = pt_reserve(struct pt_failures_counted, PT_FAILURES_COUNTED);
	if (counted) {
		__builtin_memcpy(&counted->counts, counts, sizeof(*counts));
		pt_submit(counted);
	}
	bpf_map_delete_elem(&failing, &endpoint.id);
	record = pt_reserve(struct pt_endpoint_destroyed, PT_ENDPOINT_DESTROYED);
	if (!record)
		return;
	__builtin_memcpy(&record->endpoint, &endpoint, sizeof(endpoint));
	pt_fill_unix_facts(&record->tcp, sk);
	pt_submit(record);
}

/* Whether anybody is left who can miss this end: its partner, or who sends to its name. */
static __always_inline bool pt_is_missed(struct sock *sk, struct sock *other)
{
	if (other && !pt_is_dead(other))
		return true;
	return BPF_CORE_READ(sk, sk_type) == PT_SOCK_DGRAM &&
	       BPF_CORE_READ((struct unix_sock *)sk, addr);
}

/* On entry: the other end is still known, and nothing has been thrown away. */
static __always_inline int pt_unix_released(struct sock *sk, bool embryo)
{
	struct sock *other = pt_unix_peer(sk);
	struct pt_unix_end end = {};
	__u64 key = pt_as_number(sk);
	__u64 other_key = (__u64)other;
	__u64 sending = key | PT_SENDING_SHUT;
	__u64 receiving = key | PT_RECEIVING_SHUT;

	pt_end_unix_failures(sk);
	bpf_map_delete_elem(&unix_ends, &sending);
	bpf_map_delete_elem(&unix_ends, &receiving);
	if (!pt_is_missed(sk, other)) {
		bpf_map_delete_elem(&unix_ends, &key);
		bpf_map_delete_elem(&unix_ends, &other_key);
		return 0;
	}
	pt_fill_unix_closure(&end.closure, sk);
	end.closure.unread_bytes = pt_unix_unread(key);
	if (embryo)
		end.closure.path = PT_PATH_LISTENER;
	end.other_inode = other ? pt_unix_inode(other) : 0;
	bpf_map_update_elem(&unix_ends, &key, &end, BPF_ANY);
	if (end.other_inode && BPF_CORE_READ(sk, sk_type) == PT_SOCK_DGRAM)
		bpf_map_update_elem(&unix_ends, &end.other_inode, &end, BPF_ANY);
	return 0;
}

/* `embrion`: its listener goes before it was accepted. */
SEC("fentry/unix_release_sock")
int BPF_PROG(pt_unix_release_fentry, struct sock *sk, int embrion)
{
	return pt_unix_released(sk, embrion);
}

SEC("kprobe/unix_release_sock")
int BPF_KPROBE(pt_unix_release_kprobe, struct sock *sk, int embrion)
{
	return pt_unix_released(sk, embrion);
}

/* how: SHUT_RD 0, SHUT_WR 1, SHUT_RDWR 2. The first to shut a direction did it. */
static __always_inline int pt_unix_shut_down(struct socket *socket, int how)
{
	struct pt_unix_end end = {};
	__u64 sk = (__u64)BPF_CORE_READ(socket, sk);
	__u64 sending = sk | PT_SENDING_SHUT;
	__u64 receiving = sk | PT_RECEIVING_SHUT;
	struct sock *other = pt_unix_peer((struct sock *)sk);

	if (how < 0 || how > 2)
		return 0;
	pt_fill_unix_closure(&end.closure, (struct sock *)sk);
	end.closure.shutdown = how + 1;
	end.other_inode = other ? pt_unix_inode(other) : 0;
	if (how != 0)
		bpf_map_update_elem(&unix_ends, &sending, &end, BPF_NOEXIST);
	if (how != 1)
		bpf_map_update_elem(&unix_ends, &receiving, &end, BPF_NOEXIST);
	return 0;
}

SEC("fentry/unix_shutdown")
int BPF_PROG(pt_unix_shutdown_fentry, struct socket *socket, int how)
{
	return pt_unix_shut_down(socket, how);
}

SEC("kprobe/unix_shutdown")
int BPF_KPROBE(pt_unix_shutdown_kprobe, struct socket *socket, int how)
{
	return pt_unix_shut_down(socket, how);
}

/* A datagram socket that finds its receiver gone lets go of it, and the send fails: afterwards
 * nothing tells who that was. Also called where connect() names another receiver. */
static __always_inline int pt_unix_lost_receiver(struct sock *sk, struct sock *other)
{
	if (pt_is_dead(other))
		pt_report_unix(pt_as_number(sk), pt_as_number(other));
	return 0;
}

SEC("fentry/unix_dgram_disconnected")
int BPF_PROG(pt_unix_disconnected_fentry, struct sock *sk, struct sock *other)
{
	return pt_unix_lost_receiver(sk, other);
}

SEC("kprobe/unix_dgram_disconnected")
int BPF_KPROBE(pt_unix_disconnected_kprobe, struct sock *sk, struct sock *other)
{
	return pt_unix_lost_receiver(sk, other);
}
