/* The stage: shared memory, batons, the two processes, their bounded lives. */
#include "provoke.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Generous: software-emulated machines run these too, and a tracer may need a minute to start. */
enum { ROLE_SECONDS_MAX = 30, HOLD_SECONDS_MAX = 180 };

void die(const char *format, ...)
{
	int number = errno;
	va_list arguments;

	fprintf(stderr, "provoker: ");
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, " (errno %d: %s)\n", number, strerror(number));
	_exit(2);
}

struct story *story_resume(int memory)
{
	struct story *story = mmap(NULL, sizeof(*story), PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);

	if (story == MAP_FAILED)
		die("mmap");
	return story;
}

void keep_over_exec(int fd)
{
	if (fcntl(fd, F_SETFD, 0) < 0)
		die("F_SETFD");
}

struct story *story_new(const char *program, int argc, char **argv, const char *allowed)
{
	int memory = memfd_create("story", MFD_CLOEXEC);

	if (memory < 0 || ftruncate(memory, sizeof(struct story)) < 0)
		die("memfd");
	struct story *story = story_resume(memory);

	story->memory = memory;
	options_parse(&story->options, argc, argv, allowed);
	story->program = program;
	story->holds = story->options.hold[0] != '\0';
	story->unread = -1;
	story->reset_seq = -1;
	story->idle_min_us = story->idle_max_us = -1;
	/* Not pipes: a tracer of broken pipes must see those of the story alone. */
	for (int i = 0; i < STEP_COUNT; i++) {
		story->baton[i] = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);
		if (story->baton[i] < 0)
			die("eventfd");
	}
	return story;
}

void pass(struct story *story, enum step step)
{
	uint64_t one = 1;

	if (write(story->baton[step], &one, sizeof(one)) != sizeof(one))
		die("pass step %d", (int)step);
}

void await(struct story *story, enum step step)
{
	uint64_t one;

	if (read(story->baton[step], &one, sizeof(one)) != sizeof(one))
		die("await step %d", (int)step);
}

int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void pause_briefly(void)
{
	struct timespec length = {.tv_nsec = 50 * 1000000};

	while (nanosleep(&length, &length) < 0 && errno == EINTR)
		;
}

void actor_is_me(struct actor *actor, const char *name)
{
	actor->pid = getpid();
	actor->tid = (pid_t)syscall(SYS_gettid);
	snprintf(actor->comm, sizeof(actor->comm), "%s", name);
	prctl(PR_SET_NAME, name);
}

static unsigned seconds_max(const struct story *story)
{
	return story->holds ? HOLD_SECONDS_MAX : ROLE_SECONDS_MAX;
}

pid_t role_start(struct story *story, role_fn role, struct actor *actor, const char *name)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(seconds_max(story));
	actor_is_me(actor, name);
	role(story);
	_exit(0);
}

/* Both ends of the veth pair belong to namespaces of the provoker's own, never to the machine's. */
static void link_namespaces(struct story *story, pid_t peer)
{
	await(story, STEP_PEER_UP);
	veth_create(peer);
	veth_configure(true);
	pass(story, STEP_LINK_UP);
}

static void hold(struct story *story)
{
	char byte;

	await(story, STEP_READY);
	report_ready(story);
	if (read(STDIN_FILENO, &byte, 1) != 1)
		die("no go on stdin");
	pass(story, STEP_GO);
}

void hold_here(struct story *story)
{
	pass(story, STEP_READY);
	await(story, STEP_GO);
}

static void judge_end(struct story *story, const char *who, int status, bool may_die)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return;
	if (may_die && WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE) {
		story->killed = true;
		return;
	}
	die("%s of %s ended with status 0x%x", who, story->program, status);
}

int story_play(struct story *story, role_fn peer, role_fn victim)
{
	pid_t peer_pid = 0;
	int status;

	alarm(seconds_max(story) + 5);
	signal(SIGPIPE, SIG_DFL); /* Python's subprocesses may come with it ignored */
	if (story->options.netns && unshare(CLONE_NEWNET) < 0)
		die("unshare");
	if (peer != NULL)
		peer_pid = role_start(story, peer, &story->peer, "peer");
	if (story->options.netns)
		link_namespaces(story, peer_pid);
	pid_t victim_pid = role_start(story, victim, &story->victim, "victim");

	if (story->parent_closes[0] > 0) {
		close(story->parent_closes[0]);
		close(story->parent_closes[1]);
		pass(story, STEP_GO);
	}
	if (story->holds)
		hold(story);
	if (waitpid(victim_pid, &status, 0) != victim_pid)
		die("waitpid");
	judge_end(story, "victim", status, true);
	pass(story, STEP_END);
	if (peer_pid > 0) {
		if (waitpid(peer_pid, &status, 0) != peer_pid)
			die("waitpid");
		if (!(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL))
			judge_end(story, "peer", status, false);
	}
	report_truth(story);
	return 0;
}
