/*
 * The descriptor that fails came by some way to who fails on it. Variants: `dup` (another number
 * for it), `exec` (its program was replaced by another), `passed` (SCM_RIGHTS, by the process that
 * connected); and at the other end `peer_exec` and `peer_passed`: who then closes is another than
 * who accepted.
 */
#include "provoke.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DUPLICATE = 40 };

static int channel[2]; /* descriptors are passed through it */

/* Its taker waits until it is the only one that holds it. */
static void hand_over(struct story *story, int fd)
{
	char byte = 'x', room[CMSG_SPACE(sizeof(fd))] = "";
	struct iovec part = {&byte, 1};
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	*header = (struct cmsghdr){CMSG_LEN(sizeof(fd)), SOL_SOCKET, SCM_RIGHTS};
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	if (sendmsg(channel[0], &message, 0) != 1)
		die("SCM_RIGHTS");
	close(fd);
	pass(story, STEP_JOINED);
}

static int take_over(struct story *story)
{
	char byte, room[CMSG_SPACE(sizeof(int))];
	struct iovec part = {&byte, 1};
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room)};
	int fd;

	if (recvmsg(channel[1], &message, MSG_CMSG_CLOEXEC) != 1 || CMSG_FIRSTHDR(&message) == NULL)
		die("no descriptor");
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	await(story, STEP_JOINED);
	return fd;
}

static void wait_child(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		die("child ended with status 0x%x", status);
}

static void close_late(struct story *story, int fd)
{
	read_exactly(fd, 5);
	close(fd);
	await(story, STEP_END);
}

static void fail(struct story *story, int fd)
{
	sigpipe_prepare(story);
	write_into_dead_end(story, fd, story->options.repeat + 1);
	sigpipe_finish(story);
}

static void receiver(struct story *story)
{
	fail(story, take_over(story));
}

static void closer(struct story *story)
{
	close_late(story, take_over(story));
}

static void go_on_in_another_program(struct story *story, const char *role, int fd)
{
	char memory[16], descriptor[16];

	keep_over_exec(story->memory);
	keep_over_exec(story->baton[STEP_END]);
	keep_over_exec(fd);
	snprintf(memory, sizeof(memory), "%d", story->memory);
	snprintf(descriptor, sizeof(descriptor), "%d", fd);
	execl("/proc/self/exe", "handed", "--after-exec", role, memory, descriptor, (char *)NULL);
	die("exec");
}

static int after_exec(char **argv)
{
	struct story *story = story_resume(atoi(argv[3]));
	int fd = atoi(argv[4]);

	if (strcmp(argv[2], "peer") == 0) {
		actor_is_me(&story->peer, "successor");
		close_late(story, fd);
	} else {
		actor_is_me(&story->victim, "successor");
		fail(story, fd);
	}
	return 0;
}

static void peer(struct story *story)
{
	pid_t child = is_variant(story, "peer_passed") ? role_start(story, closer, &story->peer, "closer") : 0;
	int fd = pair_join(story, false);

	if (child > 0) {
		hand_over(story, fd);
		wait_child(child);
	} else if (is_variant(story, "peer_exec")) {
		go_on_in_another_program(story, "peer", fd);
	} else {
		close_late(story, fd);
	}
}

static void victim(struct story *story)
{
	pid_t child = is_variant(story, "passed") ? role_start(story, receiver, &story->victim, "receiver") : 0;
	int fd = pair_join(story, true);

	if (write(fd, "hello", 5) != 5)
		die("first send");
	if (child > 0) {
		hand_over(story, fd);
		wait_child(child);
	} else if (is_variant(story, "exec")) {
		go_on_in_another_program(story, "victim", fd);
	} else if (is_variant(story, "dup")) {
		if (dup2(fd, DUPLICATE) != DUPLICATE)
			die("dup2");
		close(fd);
		fail(story, DUPLICATE);
	} else {
		fail(story, fd);
	}
}

int main(int argc, char **argv)
{
	if (argc == 5 && strcmp(argv[1], "--after-exec") == 0)
		return after_exec(argv);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel) < 0)
		die("socketpair");
	struct story *story = story_new("handed", argc, argv, "sc6rv");

	if (is_variant(story, "passed") && story->options.sigpipe == SIGPIPE_DEFAULT)
		story->options.sigpipe = SIGPIPE_IGNORE; /* two processes have to tell their part */
	return story_play(story, peer, victim);
}
