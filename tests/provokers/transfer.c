/* Every way to send and to receive, each as one call that moves all of the data or fails. */
#include "provoke.h"

#include <errno.h>
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <fcntl.h>
#include <unistd.h>

static const char *const call_names[CALL_KINDS] = {"sendto",         "write",         "writev", "sendmsg",
						   "sendmmsg",       "sendfile",      "splice", "io_uring_enter",
						   "io_uring_enter", "io_uring_enter"};
static const char *const receive_names[RECEIVE_KINDS] = {"recvfrom", "read",           "readv",         "recvmsg",
							 "recvmmsg", "io_uring_enter", "io_uring_enter"};

const char *call_name(enum call_kind kind)
{
	return call_names[kind];
}

const char *receive_name(enum receive_kind kind)
{
	return receive_names[kind];
}

/* close() must not hide what the transfer reported. */
static ssize_t close_after(ssize_t result, int fd)
{
	int number = errno;

	close(fd);
	errno = number;
	return result;
}

static ssize_t send_file(int fd, const void *data, size_t size)
{
	int file = memfd_create("data", MFD_CLOEXEC);
	off_t begin = 0;

	if (file < 0 || write(file, data, size) != (ssize_t)size)
		die("memfd");
	return close_after(sendfile(fd, file, &begin, size), file);
}

static ssize_t splice_out(int fd, const void *data, size_t size)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0 || write(ends[1], data, size) != (ssize_t)size)
		die("pipe");
	ssize_t result = splice(ends[0], NULL, fd, NULL, size, 0);

	return close_after(close_after(result, ends[1]), ends[0]);
}

/* One message: of two, the first could draw the RST that the second meets. */
static ssize_t send_messages(int fd, const struct msghdr *message, size_t size, int flags)
{
	struct mmsghdr messages[1] = {{.msg_hdr = *message}};
	int sent = sendmmsg(fd, messages, 1, flags);

	return sent == 1 ? (ssize_t)size : sent;
}

ssize_t transfer_out(const struct options *options, int fd, const void *data, size_t size)
{
	int flags = options->sigpipe == SIGPIPE_NOSIGNAL ? MSG_NOSIGNAL : 0;
	/* Two parts, so that the bytes asked for are not those of the first vector. */
	struct iovec parts[2] = {{(void *)data, size / 2}, {(char *)data + size / 2, size - size / 2}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};

	switch (options->call) {
	case CALL_SEND: return send(fd, data, size, flags);
	case CALL_WRITE: return write(fd, data, size);
	case CALL_WRITEV: return writev(fd, parts, 2);
	case CALL_SENDMSG: return sendmsg(fd, &message, flags);
	case CALL_SENDMMSG: return send_messages(fd, &message, size, flags);
	case CALL_SENDFILE: return send_file(fd, data, size);
	case CALL_SPLICE: return splice_out(fd, data, size);
	case CALL_URING_SEND: return uring_transfer(IORING_OP_SEND, fd, data, size, false);
	case CALL_URING_WRITE: return uring_transfer(IORING_OP_WRITE, fd, data, size, false);
	case CALL_URING_WRITE_ASYNC: return uring_transfer(IORING_OP_WRITE, fd, data, size, true);
	case CALL_KINDS: break;
	}
	die("no such call");
}

ssize_t transfer_in(enum receive_kind kind, int fd, void *data, size_t size)
{
	struct iovec part = {data, size};
	struct mmsghdr message = {.msg_hdr = {.msg_iov = &part, .msg_iovlen = 1}};

	switch (kind) {
	case RECEIVE_RECV: return recv(fd, data, size, 0);
	case RECEIVE_READ: return read(fd, data, size);
	case RECEIVE_READV: return readv(fd, &part, 1);
	case RECEIVE_RECVMSG: return recvmsg(fd, &message.msg_hdr, 0);
	case RECEIVE_RECVMMSG: {
		int got = recvmmsg(fd, &message, 1, 0, NULL);

		return got > 0 ? (ssize_t)message.msg_len : got;
	}
	case RECEIVE_URING_RECV: return uring_transfer(IORING_OP_RECV, fd, data, size, false);
	case RECEIVE_URING_READ: return uring_transfer(IORING_OP_READ, fd, data, size, false);
	case RECEIVE_KINDS: break;
	}
	die("no such call");
}
