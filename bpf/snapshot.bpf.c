// SPDX-License-Identifier: GPL-2.0-only
/* What was there before the trace: connections, and who holds them. Run at the start, and once more
 * when the holder of a failed endpoint is wanted (pt_snapshot_reports). */
#include "unix.bpf.h"

#include <bpf/bpf_tracing.h>

/* Both iterators come here: that of connections sees those of its own network namespace only. */
static __always_inline struct pt_memory *pt_remember_old(struct sock *sk, __u64 id)
{
	struct pt_address_key key;
	struct pt_memory *memory;
	struct pt_kept *kept;
	__u8 state = BPF_CORE_READ(sk, __sk_common.skc_state);

	kept = pt_keep(id);
	if (!kept)
		return 0;
	memory = &kept->memory;
	if (memory->endpoint.id)
		return memory;
	pt_fill_endpoint(&memory->endpoint, sk, id);
	memory->older_than_trace = 1;
	if (pt_fin_was_received(state)) {
		memory->fin_seen = 1;
		/* Sent since the start of the trace is sent after the FIN. */
		memory->snd_nxt_at_fin = BPF_CORE_READ((struct tcp_sock *)sk, snd_nxt);
	}
	pt_fill_key(&key, &memory->endpoint, false);
	bpf_map_update_elem(&by_address, &key, &id, BPF_ANY);
	return memory;
}

static __always_inline void pt_note_tracer(void)
{
	pt_tracer_tgid = bpf_get_current_pid_tgid() >> 32;
	pt_fin_timeout_ticks =
		BPF_CORE_READ(pt_current(), nsproxy, net_ns, ipv4.sysctl_tcp_fin_timeout);
}

SEC("iter/tcp")
int pt_snapshot_tcp(struct bpf_iter__tcp *ctx)
{
	/* Read once: each read of it is to the verifier another pointer that may be null. */
	struct sock_common *common = ctx->sk_common;
	struct sock *sk = (struct sock *)common;
	__u8 state;
	__u64 id;

	if (!common)
		return 0;
	pt_note_tracer();
	state = BPF_CORE_READ(sk, __sk_common.skc_state);
	if (state == PT_TCP_LISTEN || state == PT_TCP_TIME_WAIT || state == PT_TCP_NEW_SYN_RECV)
		return 0;
	if (pt_config.has_cookie_helper)
		id = bpf_get_socket_cookie(common);
	else
		id = pt_endpoint_id(sk);
	pt_remember_old(sk, id);
	return 0;
}

static __always_inline void pt_visit_tcp(struct sock *sk, struct task_struct *task)
{
	struct pt_memory *memory;
	__u64 id = pt_endpoint_id(sk);

	if (BPF_CORE_READ(sk, __sk_common.skc_state) == PT_TCP_LISTEN)
		return;
	if (pt_snapshot_reports)
		memory = (struct pt_memory *)pt_kept_of(id);
	else
		memory = pt_remember_old(sk, id);
	if (!memory || memory->owner.tgid)
		return;
	pt_fill_task(&memory->owner, task);
	if (pt_snapshot_reports && memory->reported)
		pt_send_memory(memory);
}

static __always_inline void pt_visit_unix(struct sock *sk, struct task_struct *task)
{
	struct sock *other = pt_unix_peer(sk);
	struct pt_unix_end *end;
	__u64 key = (__u64)sk;

	if (!other)
		return;
	if (pt_is_dead(other)) {
		pt_note_unix_gone_before(sk);
		return;
	}
	if (!pt_config.walk_unix)
		return;
	end = bpf_map_lookup_elem(&unix_ends, &key);
	/* Of several processes that hold it, none can be named. */
	if (end && end->closure.by.tgid != (__u32)BPF_CORE_READ(task, tgid))
		end->shared = 1;
	else if (!end)
		pt_note_unix_holder(sk, task, false);
}

static __always_inline void pt_visit_pipe(struct file *file, struct task_struct *task)
{
	__u64 id = pt_pipe_id(file);
	struct pt_pipe_reader *known = bpf_map_lookup_elem(&pipe_readers, &id);

	if (!known)
		pt_note_reader(id, task, false);
	else if (known->closure.by.tgid != (__u32)BPF_CORE_READ(task, tgid))
		known->shared = 1;
}

SEC("iter/task_file")
int pt_snapshot_files(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct sock *sk;

	if (!task || !file || BPF_CORE_READ(task, pid) != BPF_CORE_READ(task, tgid))
		return 0;
	pt_note_tracer();
	if (pt_config.walk_pipes && !pt_snapshot_reports && pt_is_pipe_read_end(file)) {
		pt_visit_pipe(file, task);
		return 0;
	}
	if (pt_file_type(file) != PT_S_IFSOCK)
		return 0;
	sk = pt_sock_of_file(file);
	if (pt_is_tcp(sk))
		pt_visit_tcp(sk, task);
	else if (!pt_snapshot_reports && pt_is_unix(sk))
		pt_visit_unix(sk, task);
	return 0;
}
