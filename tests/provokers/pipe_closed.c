/*
 * A pipe whose last reader goes. Variants: the reader's `exit`, `close`, or `exec` (the
 * descriptor is close-on-exec); `partial`: the writer already stands in a big write, which
 * then returns a short count and raises SIGPIPE; `partial_again`: and writes the rest; `killed`: the reader dies
 * of SIGKILL; `child`: the last reader is a program that the reader had started; `shared`: a child of the
 * reader's, which has exited by then, closes the descriptor that both had; `one_of_two`: another
 * reader is left, and writes go on. `fifo`: it has a name in the file system. `full`: the writer,
 * which does not block, had filled it. `splice`, `tee`, `vmsplice`: how the writer moves data in.
 * --hold: what comes before the trace, up to the reader's end (`open`) or with it (`gone`).
 * --call: how it writes; `registered`: io_uring is entered without a descriptor.
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
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PIPE_CAPACITY = 65536, BIG_WRITE_SIZE = 1 << 20 };

static int ends[2]; /* made before the fork: this is how processes come to share a pipe */

static bool is_partial(struct story *story)
{
	return is_variant(story, "partial") || is_variant(story, "partial_again");
}

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

/* The next program needs the two batons, and nothing else of this one. */
static void exec_away(struct story *story, const char *how)
{
	char go[16], end[16];

	snprintf(go, sizeof(go), "%d", story->baton[STEP_CLOSED]);
	snprintf(end, sizeof(end), "%d", story->baton[STEP_END]);
	/* What exec will call it; so it has one name whenever its descriptors are closed. */
	actor_is_me(&story->peer, "exe");
	fcntl(story->baton[STEP_CLOSED], F_SETFD, 0);
	fcntl(story->baton[STEP_END], F_SETFD, 0);
	execl("/proc/self/exe", "pipe_closed", how, go, end, (char *)NULL);
	die("exec");
}

static int after_exec(char **argv)
{
	uint64_t count = 1;

	alarm(30);
	if (strcmp(argv[1], "--as-last") == 0)
		return read(atoi(argv[2]), &count, sizeof(count)) != sizeof(count);
	if (write(atoi(argv[2]), &count, sizeof(count)) != sizeof(count))
		die("pass after exec");
	if (read(atoi(argv[3]), &count, sizeof(count)) != sizeof(count))
		die("await after exec");
	return 0;
}

static void last_reader(struct story *story)
{
	dup2(ends[0], STDIN_FILENO);
	exec_away(story, "--as-last");
}

static void another_reader(struct story *story)
{
	await(story, STEP_END);
	pass(story, STEP_END);
}

static void heir(struct story *story)
{
	pid_t parent = getppid();

	prctl(PR_SET_PDEATHSIG, 0);
	pass(story, STEP_SENT);
	await_end_of(parent);
	close(ends[0]);
	pass(story, STEP_CLOSED);
	await(story, STEP_END);
}

static void start_another(struct story *story)
{
	static struct actor other;

	if (is_variant(story, "child")) {
		role_start(story, last_reader, &story->peer, "other");
	} else if (is_variant(story, "one_of_two")) {
		role_start(story, another_reader, &other, "other");
	} else if (is_variant(story, "shared")) {
		role_start(story, heir, &story->peer, "heir");
		await(story, STEP_SENT);
		_exit(0);
	}
}

static void reader(struct story *story)
{
	char byte;

	close(ends[1]);
	if (read(ends[0], &byte, 1) != 1)
		die("read");
	if (is_hold(story, "open"))
		await(story, STEP_CLOSE);
	if (is_variant(story, "exec"))
		exec_away(story, "--after-exec");
	if (is_partial(story))
		wait_full(ends[0]);
	if (is_variant(story, "full"))
		await(story, STEP_SENT);
	start_another(story);
	if (is_variant(story, "exit"))
		_exit(0);
	if (is_variant(story, "killed"))
		kill(getpid(), SIGKILL);
	close(ends[0]);
	pass(story, STEP_CLOSED);
	await(story, STEP_END);
	pass(story, STEP_END); /* for another reader */
	while (wait(NULL) > 0)
		;
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

static void write_in_vain(struct story *story)
{
	int source[2];
	struct iovec part = {"again", 5};
	bool moves = is_variant(story, "splice") || is_variant(story, "tee") || is_variant(story, "vmsplice");

	if (moves && (pipe2(source, O_CLOEXEC) < 0 || write(source[1], "again", 5) != 5))
		die("source");
	for (long i = 0; i <= story->options.repeat; i++) {
		ssize_t moved = moves ? call_move(story, story->options.variant, source[0], ends[1], &part)
				      : call_out(story, ends[1], "again", 5);

		if (moved >= 0)
			die("write without a reader succeeded");
	}
}

/* What a reader that is still there takes. */
static void write_to_readers(struct story *story)
{
	static char data[BIG_WRITE_SIZE];

	if (is_variant(story, "one_of_two")) {
		await(story, STEP_CLOSED);
		if (call_write(story, ends[1], "again", 5) != 5)
			die("write to the reader that is left");
	} else if (is_partial(story)) {
		ssize_t written = call_write(story, ends[1], data, sizeof(data));

		if (written <= 0 || written >= (ssize_t)sizeof(data))
			die("write of %zd bytes", written);
		if (is_variant(story, "partial_again") &&
		    call_write(story, ends[1], data + written, sizeof(data) - written) >= 0)
			die("write of the rest succeeded");
	} else if (is_variant(story, "full")) {
		if (fcntl(ends[1], F_SETFL, O_NONBLOCK) < 0)
			die("O_NONBLOCK");
		while (write(ends[1], data, 4096) > 0)
			;
		if (errno != EAGAIN)
			die("fill");
		pass(story, STEP_SENT);
	}
}

static void writer(struct story *story)
{
	close(ends[0]);
	await(story, STEP_GO); /* the reader is to be the last one */
	name_pipe(story);
	if (story->options.nonblock && fcntl(ends[1], F_SETFL, O_NONBLOCK) < 0)
		die("O_NONBLOCK");
	sigpipe_prepare(story);
	if (is_variant(story, "registered"))
		uring_register_ring();
	if (call_out(story, ends[1], "x", 1) != 1)
		die("first write");
	if (is_hold(story, "open")) {
		hold_here(story);
		pass(story, STEP_CLOSE);
	}
	write_to_readers(story);
	if (!is_partial(story) && !is_variant(story, "one_of_two")) {
		wait_no_reader();
		if (is_hold(story, "gone"))
			hold_here(story);
		write_in_vain(story);
	}
	sigpipe_finish(story);
}

/* Opened for reading without a wait, then for writing: a reader is there. */
static void make_fifo(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/tmp/provoke-%d.fifo", getpid());
	if (mkfifo(path, 0600) < 0)
		die("mkfifo");
	ends[0] = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ends[1] = open(path, O_WRONLY | O_CLOEXEC);
	unlink(path);
	if (ends[0] < 0 || ends[1] < 0 || fcntl(ends[0], F_SETFL, 0) < 0)
		die("open a FIFO");
}

int main(int argc, char **argv)
{
	if (argc == 4 && strncmp(argv[1], "--a", 3) == 0)
		return after_exec(argv);
	struct story *story = story_new("pipe_closed", argc, argv, "scbrvH");

	if (story->options.call == CALL_SEND)
		story->options.call = CALL_WRITE; /* a pipe takes no send() */

	if (is_variant(story, "fifo"))
		make_fifo();
	else if (pipe2(ends, O_CLOEXEC) < 0)
		die("pipe");
	story->parent_closes[0] = ends[0];
	story->parent_closes[1] = ends[1];
	return story_play(story, reader, writer);
}
