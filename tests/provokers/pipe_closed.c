/*
 * A pipe whose last reader goes. Variants: the reader's `exit`, `close`, or `exec` (the
 * descriptor is close-on-exec); `partial`: the writer already stands in a big write, which
 * then returns a short count and raises SIGPIPE; `killed`: the reader dies of SIGKILL.
 */
#include "provoke.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIPE_CAPACITY = 65536, BIG_WRITE_SIZE = 1 << 20 };

static int ends[2]; /* made before the fork: this is how processes come to share a pipe */

/* FIONREAD is the only way to see how full a pipe is; nothing can be polled for it. */
static void wait_full(int fd)
{
	int held = 0;

	while (held < PIPE_CAPACITY - 1) {
		if (ioctl(fd, FIONREAD, &held) < 0)
			die("FIONREAD");
		sched_yield();
	}
}

static void exec_away(struct story *story)
{
	char go[16], end[16];

	/* The next program needs the two batons, and nothing else of this one. */
	snprintf(go, sizeof(go), "%d", story->baton[STEP_CLOSED]);
	snprintf(end, sizeof(end), "%d", story->baton[STEP_END]);
	/* What exec will call it; so it has one name whenever its descriptors are closed. */
	actor_is_me(&story->peer, "exe");
	fcntl(story->baton[STEP_CLOSED], F_SETFD, 0);
	fcntl(story->baton[STEP_END], F_SETFD, 0);
	execl("/proc/self/exe", "pipe_closed", "--after-exec", go, end, (char *)NULL);
	die("exec");
}

static int after_exec(char **argv)
{
	uint64_t count = 1;

	alarm(30);
	if (write(atoi(argv[2]), &count, sizeof(count)) != sizeof(count))
		die("pass after exec");
	if (read(atoi(argv[3]), &count, sizeof(count)) != sizeof(count))
		die("await after exec");
	return 0;
}

static void reader(struct story *story)
{
	char byte;

	close(ends[1]);
	if (read(ends[0], &byte, 1) != 1)
		die("read");
	if (is_variant(story, "exec"))
		exec_away(story);
	if (is_variant(story, "partial"))
		wait_full(ends[0]);
	if (is_variant(story, "exit"))
		_exit(0);
	if (is_variant(story, "killed"))
		kill(getpid(), SIGKILL);
	close(ends[0]);
	pass(story, STEP_CLOSED);
	await(story, STEP_END);
}

static void name_pipe(struct story *story)
{
	struct stat status;

	if (fstat(ends[1], &status) < 0)
		die("fstat");
	snprintf(story->local, sizeof(story->local), "pipe:[%lu]", (unsigned long)status.st_ino);
}

/* The writing end reports POLLERR once no reader is left, however the reader went. */
static void wait_no_reader(void)
{
	struct pollfd wait = {.fd = ends[1]};

	if (poll(&wait, 1, -1) != 1 || !(wait.revents & POLLERR))
		die("poll");
}

static void writer(struct story *story)
{
	static char data[BIG_WRITE_SIZE];

	close(ends[0]);
	await(story, STEP_GO); /* the reader is to be the last one */
	name_pipe(story);
	sigpipe_prepare(story);
	if (call_write(story, ends[1], "x", 1) != 1)
		die("first write");
	if (is_variant(story, "partial")) {
		ssize_t written = call_write(story, ends[1], data, sizeof(data));

		if (written <= 0 || written >= (ssize_t)sizeof(data))
			die("write of %zd bytes", written);
	} else {
		wait_no_reader();
		for (long i = 0; i <= story->options.repeat; i++)
			if (call_write(story, ends[1], "again", 5) >= 0)
				die("write without a reader succeeded");
	}
	sigpipe_finish(story);
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "--after-exec") == 0)
		return after_exec(argv);
	struct story *story = story_new("pipe_closed", argc, argv, "srv");

	if (pipe2(ends, O_CLOEXEC) < 0)
		die("pipe");
	story->parent_closes[0] = ends[0];
	story->parent_closes[1] = ends[1];
	return story_play(story, reader, writer);
}
