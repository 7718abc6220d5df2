/* Unix sockets: both ends of a pair or of a named connection, what they are called, and their end. */
#include "provoke.h"

#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

static int ends[2]; /* of a pair, made before the fork: this is how processes come to share one */
static struct sockaddr_un name;
static socklen_t name_size;

static void make_pair(struct story *story)
{
	if (socketpair(AF_UNIX, story->options.type | SOCK_CLOEXEC, 0, ends) < 0)
		die("socketpair");
	story->parent_closes[0] = ends[0];
	story->parent_closes[1] = ends[1];
}

static void make_name(struct story *story)
{
	bool is_abstract = story->options.naming == NAMED_ABSTRACT;
	char *text = is_abstract ? name.sun_path + 1 : name.sun_path;
	char *told = story->options.victim_accepts ? story->local : story->remote;
	size_t length;

	name.sun_family = AF_UNIX;
	length = (size_t)sprintf(text, is_abstract ? "provoke-%d" : "/tmp/provoke-%d.sock", getpid());
	if (story->options.naming == NAMED_LONG) {
		memset(text + length, 'x', sizeof(name.sun_path) - length);
		length = sizeof(name.sun_path);
	}
	snprintf(told, ADDRESS_SIZE, "%s%.*s", is_abstract ? "@" : "", (int)length, text);
	/* The 0 behind a path is part of it, where there is room. */
	name_size = (socklen_t)(text + length - (char *)&name) + (story->options.naming == NAMED_PATH);
}

void unix_prepare(struct story *story)
{
	if (story->options.naming == NAMED_NOT)
		make_pair(story);
	else
		make_name(story);
}

int unix_socket(struct story *story)
{
	int fd = socket(AF_UNIX, story->options.type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket");
	return fd;
}

static int bind_name(struct story *story)
{
	int fd = unix_socket(story);

	if (bind(fd, (struct sockaddr *)&name, name_size) < 0)
		die("bind");
	if (story->options.type != SOCK_DGRAM && listen(fd, 1) < 0)
		die("listen");
	pass(story, STEP_LISTENING);
	return fd;
}

/* A path outlives who was bound to it. */
void unix_leave_name(struct story *story)
{
	int fd = unix_socket(story);

	if (bind(fd, (struct sockaddr *)&name, name_size) < 0)
		die("bind");
	close(fd);
}

void unix_remove_name(void)
{
	char path[sizeof(name.sun_path) + 1] = {0};

	memcpy(path, name.sun_path, sizeof(name.sun_path));
	unlink(path);
}

bool unix_never_accepts(const struct story *story)
{
	return is_variant(story, "listener") || is_variant(story, "unaccepted");
}

static int accept_one(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		die("accept");
	close(listener);
	return fd;
}

static int connect_to_name(struct story *story)
{
	int fd = unix_socket(story);

	await(story, STEP_LISTENING);
	if (connect(fd, (struct sockaddr *)&name, name_size) < 0)
		die("connect");
	return fd;
}

int unix_join(struct story *story, bool is_victim)
{
	bool accepts = story->options.victim_accepts == is_victim;
	int fd;

	if (story->options.naming == NAMED_NOT) {
		fd = ends[is_victim];
		close(ends[!is_victim]);
		if (is_victim)
			await(story, STEP_GO); /* the peer is to be the only one at its end */
	} else {
		fd = accepts ? bind_name(story) : connect_to_name(story);
		if (accepts && story->options.type != SOCK_DGRAM && !unix_never_accepts(story))
			fd = accept_one(fd);
	}
	if (is_victim) {
		await(story, STEP_PEER_UP);
		pass(story, STEP_JOINED);
	} else {
		pass(story, STEP_PEER_UP);
		await(story, STEP_JOINED);
	}
	if (accepts && story->options.naming != NAMED_ABSTRACT && story->options.naming != NAMED_NOT)
		unix_remove_name();
	return fd;
}

const struct sockaddr *unix_name(socklen_t *size)
{
	*size = name_size;
	return (const struct sockaddr *)&name;
}

/* A process has closed all of its descriptors before its end can be polled for. */
void await_end_of(pid_t pid)
{
	struct pollfd end = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};

	if (end.fd < 0 || poll(&end, 1, -1) != 1)
		die("pidfd of %d", pid);
	close(end.fd);
}

/* Nothing can be polled for: the state of the process is all there is. */
void await_asleep(pid_t pid)
{
	char path[32], text[128] = "";

	/* Its state says S a moment before it sleeps; this says "running" until it does. */
	snprintf(path, sizeof(path), "/proc/%d/syscall", pid);
	while (text[0] < '0' || text[0] > '9') {
		FILE *file = fopen(path, "re");

		if (file == NULL || fgets(text, sizeof(text), file) == NULL)
			die("%s", path);
		fclose(file);
		sched_yield();
	}
}
