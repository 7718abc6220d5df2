// SPDX-License-Identifier: GPL-2.0-only
/* SIGPIPE: raised by the kernel for a write, and what became of it. */
#include "pipe_write.bpf.h"
#include "unix.bpf.h"
#include "uring.bpf.h"

#include <bpf/bpf_tracing.h>

#define PT_SIGPIPE 13
#define PT_SIGKILL 9
#define PT_SIG_DFL 0
#define PT_SIG_IGN 1

static __always_inline __u8 pt_disposition(__u64 handler)
{
	if (handler == PT_SIG_DFL)
		return PT_DEFAULT;
	return handler == PT_SIG_IGN ? PT_IGNORE : PT_HANDLER;
}

/* What the descriptor of the call under way names; its socket if it is one. */
static __always_inline struct sock *pt_fill_endpoint_of_file(struct pt_endpoint *out, struct file *file)
{
	__u32 type = file ? pt_file_type(file) : 0;
	struct sock *sk;
	__u16 family;

	__builtin_memset(out, 0, sizeof(*out));
	if (type == PT_S_IFIFO) {
		out->kind = PT_KIND_PIPE;
		out->id = pt_pipe_id(file);
	}
	if (type != PT_S_IFSOCK)
		return 0;
	sk = pt_sock_of_file(file);
	family = BPF_CORE_READ(sk, __sk_common.skc_family);
	if (family == PT_AF_INET || family == PT_AF_INET6) {
		pt_fill_endpoint(out, sk, pt_endpoint_id(sk));
		return sk;
	}
	if (family != PT_AF_UNIX)
		return 0;
	pt_fill_unix_endpoint(out, sk);
	return sk;
}

/* Since it was seen to be the only one: its child may have read too. */
static __always_inline bool pt_has_forked(const struct pt_pipe_reader *reader)
{
	__u32 tgid = reader->closure.by.tgid;
	__u32 *forks;

	if (!reader->kept)
		return false;
	forks = bpf_map_lookup_elem(&pipe_keepers, &tgid);
	return !forks || *forks != reader->forks;
}

/* What is known of the pipe's reader. */
static __always_inline void pt_report_pipe(const struct pt_endpoint *e)
{
	__u64 id = e->id;
	struct pt_pipe_reader *reader = bpf_map_lookup_elem(&pipe_readers, &id);
	struct pt_other_end_seen *record;

	if (!reader || reader->shared || pt_has_forked(reader))
		return;
	record = pt_reserve(struct pt_other_end_seen, PT_OTHER_END_SEEN);
	if (!record)
		return;
	pt_copy(&record->endpoint, e);
	pt_copy(&record->closure, &reader->closure);
	__builtin_memset(&record->own, 0, sizeof(*record) - __builtin_offsetof(struct pt_other_end_seen, own));
	record->last_holder = !pt_config.walk_pipes;
	pt_submit(record);
}

/* Where SIGPIPE was raised. */
struct pt_raised_at {
	struct pt_endpoint endpoint;
	struct pt_call call;
	__u64 socket; /* its address, 0: none */
	__u32 taken; /* enum pt_taken */
	__u32 padding;
};

static __always_inline void pt_fill_raised_at(struct pt_raised_at *out, unsigned long long *ctx)
{
	struct file *file = pt_fill_call(&out->call);

	if (out->call.number == PT_IO_URING_ENTER)
		file = pt_uring_file(&out->call);
	out->socket = (__u64)pt_fill_endpoint_of_file(&out->endpoint, file);
	out->taken = PT_TAKEN_UNKNOWN;
	out->padding = 0;
	if (out->endpoint.kind == PT_KIND_PIPE)
		out->taken = pt_taken_by_pipe(&out->call, ctx);
}

/* send_sig(SIGPIPE, current, 0): no siginfo, one thread, the caller itself. kill() and raise() pass
 * a siginfo (kernel/signal.c, 5.10 to 7.2). */
SEC("tp_btf/signal_generate")
int BPF_PROG(pt_signal_generate, int sig, struct kernel_siginfo *unread_info, struct task_struct *task,
	     int group, int result)
{
	__u64 info = pt_nullable_argument(ctx, 1);
	struct pt_sigpipe_generated *record;
	struct pt_raised_at at;
	struct sock *sk;

	if (sig != PT_SIGPIPE || info || group || task != pt_current())
		return 0;
	pt_fill_raised_at(&at, ctx);
	pt_forget(at);
	/* The write that returned a count is not repeated by one that fails. */
	if (!pt_is_first_failure(at.endpoint.id, at.endpoint.kind, at.call.number,
				 at.taken == PT_TAKEN_SOME ? PT_TAKEN_SOME : 0, true))
		return 0;
	pt_watch_failed();
	sk = (struct sock *)at.socket;
	if (at.endpoint.kind == PT_KIND_TCP)
		pt_report_endpoint(at.socket, at.endpoint.id, bpf_ktime_get_ns());
	if (at.endpoint.kind == PT_KIND_PIPE)
		pt_report_pipe(&at.endpoint);
	if (at.endpoint.kind == PT_KIND_UNIX)
		pt_report_unix(at.socket, (__u64)pt_unix_peer(sk));
	record = pt_reserve(struct pt_sigpipe_generated, PT_SIGPIPE_GENERATED);
	if (!record)
		return 0;
	pt_stamp_task(&record->header);
	pt_copy(&record->endpoint, &at.endpoint);
	if (at.endpoint.kind == PT_KIND_TCP)
		pt_fill_tcp(&record->tcp, sk, pt_kept_of(at.endpoint.id));
	else if (at.endpoint.kind == PT_KIND_UNIX)
		pt_fill_unix_facts(&record->tcp, sk);
	else
		__builtin_memset(&record->tcp, 0, sizeof(record->tcp));
	pt_copy(&record->call, &at.call);
	record->written_bytes = pt_written_bytes(task);
	record->disposition =
		pt_disposition((__u64)BPF_CORE_READ(task, sighand, action[PT_SIGPIPE - 1].sa.sa_handler));
	record->blocked = (BPF_CORE_READ(task, blocked.sig[0]) >> (PT_SIGPIPE - 1)) & 1;
	record->result = result;
	record->taken = at.taken;
	__builtin_memset(record->padding, 0, sizeof(record->padding));
	pt_submit(record);
	return 0;
}

/* A SIGPIPE that kills is delivered as SIGKILL to the same thread (complete_signal). */
SEC("tp_btf/signal_deliver")
int BPF_PROG(pt_signal_deliver, int sig)
{
	struct pt_sigpipe_delivered *record;
	struct task_struct *task = pt_current();
	__u64 handler;
	__u32 tgid;

	if (sig != PT_SIGPIPE && sig != PT_SIGKILL)
		return 0;
	tgid = bpf_get_current_pid_tgid() >> 32;
	if (sig == PT_SIGKILL) {
		__u32 *flags = bpf_map_lookup_elem(&watched, &tgid);

		if (!flags || !(*flags & PT_WATCH_FAILED) ||
		    (BPF_CORE_READ(task, signal, group_exit_code) & 0x7f) != PT_SIGPIPE)
			return 0;
	}
	record = pt_reserve(struct pt_sigpipe_delivered, PT_SIGPIPE_DELIVERED);
	if (!record)
		return 0;
	pt_stamp_task(&record->header);
	handler = (__u64)BPF_CORE_READ(task, sighand, action[PT_SIGPIPE - 1].sa.sa_handler);
	record->written_bytes = pt_written_bytes(task);
	record->disposition = pt_disposition(handler);
	record->kills = sig == PT_SIGKILL || handler == PT_SIG_DFL;
	__builtin_memset(record->padding, 0, sizeof(record->padding));
	pt_submit(record);
	return 0;
}
