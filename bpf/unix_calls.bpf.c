// SPDX-License-Identifier: GPL-2.0-only
/* Calls on unix sockets that failed, where there is no sock_send_length and sock_recv_length
 * (before 6.12). */
#include "unix.bpf.h"

#include <bpf/bpf_tracing.h>

/* The compare comes first: this runs for every send and receive on a unix socket. */
static __always_inline int pt_unix_returned(struct sock *sk, int ret, __u32 direction)
{
	if (ret >= 0 || !pt_is_connection_error(ret))
		return 0;
	pt_unix_call_failed(pt_as_number(sk), -ret, direction);
	return 0; /* to 5.10 the result of a global function is any number */
}

/* The socket is found through the descriptor, only when the call failed. */
static __always_inline int pt_unix_call_returned(int ret, __u32 direction)
{
	struct pt_call call;
	struct file *file;

	if (ret >= 0 || !pt_is_connection_error(ret))
		return 0;
	file = pt_fill_call(&call);
	if (!file || pt_file_type(file) != PT_S_IFSOCK || !pt_is_unix(pt_sock_of_file(file)))
		return 0;
	pt_unix_call_failed(pt_as_number(pt_sock_of_file(file)), -ret, direction);
	return 0;
}

/* unix_dgram_sendmsg() does the work of unix_seqpacket_sendmsg(), which has a hook of its own. */
static __always_inline bool pt_is_seqpacket(struct sock *sk)
{
	return BPF_CORE_READ(sk, sk_type) == PT_SOCK_SEQPACKET;
}

SEC("fexit/unix_stream_sendmsg")
int BPF_PROG(pt_unix_stream_send_fexit, struct socket *socket, void *message, size_t bytes, int ret)
{
	return pt_unix_returned(socket->sk, ret, PT_SEND);
}

SEC("fexit/unix_dgram_sendmsg")
int BPF_PROG(pt_unix_dgram_send_fexit, struct socket *socket, void *message, size_t bytes, int ret)
{
	if (ret >= 0 || pt_is_seqpacket(socket->sk))
		return 0;
	return pt_unix_returned(socket->sk, ret, PT_SEND);
}

SEC("fexit/unix_seqpacket_sendmsg")
int BPF_PROG(pt_unix_seqpacket_send_fexit, struct socket *socket, void *message, size_t bytes,
	     int ret)
{
	return pt_unix_returned(socket->sk, ret, PT_SEND);
}

SEC("fexit/unix_stream_recvmsg")
int BPF_PROG(pt_unix_stream_receive_fexit, struct socket *socket, void *message, size_t bytes,
	     int flags, int ret)
{
	return pt_unix_returned(socket->sk, ret, PT_RECEIVE);
}

SEC("fexit/unix_seqpacket_recvmsg")
int BPF_PROG(pt_unix_seqpacket_receive_fexit, struct socket *socket, void *message, size_t bytes,
	     int flags, int ret)
{
	return pt_unix_returned(socket->sk, ret, PT_RECEIVE);
}

SEC("kretprobe/unix_stream_sendmsg")
int BPF_KRETPROBE(pt_unix_stream_send_kretprobe, int ret)
{
	return pt_unix_call_returned(ret, PT_SEND);
}

SEC("kretprobe/unix_dgram_sendmsg")
int BPF_KRETPROBE(pt_unix_dgram_send_kretprobe, int ret)
{
	struct pt_call call;
	struct file *file;

	if (ret >= 0 || !pt_is_connection_error(ret))
		return 0;
	file = pt_fill_call(&call);
	if (!file || pt_file_type(file) != PT_S_IFSOCK || pt_is_seqpacket(pt_sock_of_file(file)))
		return 0;
	return pt_unix_call_returned(ret, PT_SEND);
}

SEC("kretprobe/unix_seqpacket_sendmsg")
int BPF_KRETPROBE(pt_unix_seqpacket_send_kretprobe, int ret)
{
	return pt_unix_call_returned(ret, PT_SEND);
}

SEC("kretprobe/unix_stream_recvmsg")
int BPF_KRETPROBE(pt_unix_stream_receive_kretprobe, int ret)
{
	return pt_unix_call_returned(ret, PT_RECEIVE);
}

SEC("kretprobe/unix_seqpacket_recvmsg")
int BPF_KRETPROBE(pt_unix_seqpacket_receive_kretprobe, int ret)
{
	return pt_unix_call_returned(ret, PT_RECEIVE);
}
