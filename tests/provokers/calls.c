/* Calls that may fail, noted as the program sees them, and the victim's stance to SIGPIPE. */
#include "provoke.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
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

static void note(struct story *story, const struct call_error *now)
{
	if (story->error_count > 0) {
		struct call_error *last = &story->errors[story->error_count - 1];

		if (last->number == now->number && last->fd == now->fd && last->tid == now->tid &&
		    strcmp(last->syscall, now->syscall) == 0) {
			last->count++;
			return;
		}
	}
	if (story->error_count == ERRORS_MAX)
		die("too many different errors");
	story->errors[story->error_count++] = *now;
}

void note_error(struct story *story, int number, const char *syscall_name, int fd, long bytes)
{
	struct call_error now;

	fill(&now, number, syscall_name, fd, bytes);
	note(story, &now);
}

static void begin(struct story *story, const char *name, int fd, size_t size)
{
	fill(&story->attempt, 0, name, fd, (long)size);
	story->attempt_open = true;
}

static ssize_t finish(struct story *story, ssize_t result, bool writes)
{
	int number = errno;

	story->attempt_open = false;
	story->attempt.number = number;
	if (result < 0)
		note(story, &story->attempt);
	if (writes && ((result < 0 && number == EPIPE) || (result >= 0 && result < story->attempt.bytes)))
		story->expects_epipe_signal = true;
	errno = number;
	return result;
}

ssize_t call_write(struct story *story, int fd, const void *data, size_t size)
{
	begin(story, "write", fd, size);
	return finish(story, write(fd, data, size), true);
}

ssize_t call_out(struct story *story, int fd, const void *data, size_t size)
{
	enum call_kind kind = story->options.call;

	begin(story, call_name(kind), fd, size);
	if (kind == CALL_URING_WRITE_ASYNC)
		story->attempt.tid = 0; /* a worker's */
	return finish(story, transfer_out(&story->options, fd, data, size), true);
}

ssize_t call_sendto(struct story *story, int fd, const void *data, size_t size, const struct sockaddr *address,
		    socklen_t address_size)
{
	begin(story, "sendto", fd, size);
	return finish(story, sendto(fd, data, size, 0, address, address_size), true);
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
	return finish(story, result, true);
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
	enum receive_kind kind = story->options.receive;

	begin(story, receive_name(kind), fd, size);
	return finish(story, transfer_in(kind, fd, data, size), false);
}

void ask_error(struct story *story, int fd)
{
	int number = 0;
	socklen_t size = sizeof(number);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &size) < 0)
		die("SO_ERROR");
	if (number == 0)
		die("no pending error");
	note_error(story, number, "getsockopt", fd, 0);
}
