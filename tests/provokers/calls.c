/* Calls that may fail, noted as the program sees them, and the victim's stance to SIGPIPE. */
#include "provoke.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static struct story *handled_in;

static void on_sigpipe(int number)
{
	(void)number;
	handled_in->handled++;
}

void sigpipe_prepare(struct story *story)
{
	struct sigaction action = {.sa_handler = SIG_DFL};
	sigset_t set;

	handled_in = story;
	switch (story->options.sigpipe) {
	case SIGPIPE_IGNORE: action.sa_handler = SIG_IGN; break;
	case SIGPIPE_HANDLER: action.sa_handler = on_sigpipe; break;
	case SIGPIPE_BLOCK:
		sigemptyset(&set);
		sigaddset(&set, SIGPIPE);
		sigprocmask(SIG_BLOCK, &set, NULL);
		break;
	default: break;
	}
	if (sigaction(SIGPIPE, &action, NULL) < 0)
		die("sigaction");
}

void sigpipe_finish(struct story *story)
{
	sigset_t set;

	if (sigpending(&set) < 0)
		die("sigpending");
	story->pending = sigismember(&set, SIGPIPE) == 1;
}

static void fill(struct call_error *error, int number, const char *syscall_name, int fd, long bytes)
{
	*error = (struct call_error){.number = number, .fd = fd, .bytes = bytes, .count = 1};
	error->tid = (pid_t)syscall(SYS_gettid);
	snprintf(error->syscall, sizeof(error->syscall), "%s", syscall_name);
}

void note_error(struct story *story, int number, const char *syscall_name, int fd, long bytes)
{
	struct call_error now;

	fill(&now, number, syscall_name, fd, bytes);
	if (story->error_count > 0) {
		struct call_error *last = &story->errors[story->error_count - 1];

		if (last->number == number && last->fd == fd && last->tid == now.tid &&
		    strcmp(last->syscall, now.syscall) == 0) {
			last->count++;
			return;
		}
	}
	if (story->error_count == ERRORS_MAX)
		die("too many different errors");
	story->errors[story->error_count++] = now;
}

static ssize_t finish(struct story *story, ssize_t result, const char *name, int fd, size_t size, bool writes)
{
	int number = errno;

	story->attempt_open = false;
	if (result < 0)
		note_error(story, number, name, fd, (long)size);
	if (writes && ((result < 0 && number == EPIPE) || (result >= 0 && (size_t)result < size)))
		story->expects_epipe_signal = true;
	errno = number;
	return result;
}

static void begin(struct story *story, const char *name, int fd, size_t size)
{
	fill(&story->attempt, 0, name, fd, (long)size);
	story->attempt_open = true;
}

ssize_t call_write(struct story *story, int fd, const void *data, size_t size)
{
	begin(story, "write", fd, size);
	return finish(story, write(fd, data, size), "write", fd, size, true);
}

ssize_t call_out(struct story *story, int fd, const void *data, size_t size)
{
	static const char *const names[] = {"sendto", "write", "writev", "sendmsg"};
	const char *name = names[story->options.call];
	int flags = story->options.sigpipe == SIGPIPE_NOSIGNAL ? MSG_NOSIGNAL : 0;
	/* Two parts, so that the bytes asked for are not those of the first vector. */
	struct iovec parts[2] = {{(void *)data, size / 2}, {(char *)data + size / 2, size - size / 2}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
	ssize_t result = -1;

	begin(story, name, fd, size);
	switch (story->options.call) {
	case CALL_SEND: result = send(fd, data, size, flags); break;
	case CALL_WRITE: result = write(fd, data, size); break;
	case CALL_WRITEV: result = writev(fd, parts, 2); break;
	case CALL_SENDMSG: result = sendmsg(fd, &message, flags); break;
	}
	return finish(story, result, name, fd, size, true);
}

ssize_t call_sendto(struct story *story, int fd, const void *data, size_t size, const struct sockaddr *address,
		    socklen_t address_size)
{
	begin(story, "sendto", fd, size);
	return finish(story, sendto(fd, data, size, 0, address, address_size), "sendto", fd, size, true);
}

ssize_t call_move(struct story *story, const char *name, int from, int to, struct iovec *part)
{
	size_t size = part->iov_len;
	ssize_t result = -1;

	begin(story, name, to, size);
	switch (name[0]) {
	case 's': result = splice(from, NULL, to, NULL, size, 0); break;
	case 't': result = tee(from, to, size, 0); break;
	case 'v': result = vmsplice(to, part, 1, 0); break;
	}
	return finish(story, result, name, to, size, true);
}

void send_in_vain(struct story *story, int fd, long times)
{
	for (long i = 0; i < times; i++)
		if (call_out(story, fd, "again", 5) >= 0)
			die("send to a dead socket succeeded");
}

void write_into_dead_end(struct story *story, int fd, long times)
{
	wait_fin(fd);
	if (call_out(story, fd, "again", 5) != 5)
		die("send after the FIN");
	wait_reset(fd);
	send_in_vain(story, fd, times);
}

ssize_t call_recv(struct story *story, int fd, void *data, size_t size)
{
	begin(story, "recvfrom", fd, size);
	return finish(story, recv(fd, data, size, 0), "recvfrom", fd, size, false);
}
