/*
 * An end of a unix pair that goes through several hands. Variants: `passed` (over SCM_RIGHTS to another
 * process, which closes it), `flight` (passed, but nobody ever receives it, and the socket that carries it
 * is closed), `collected` (the same, but the socket that carries it lies in its own queue: the kernel
 * clears such away when some process closes a unix socket), `shared` (by a child, which closes it last:
 * until then sends go through).
 */
#include "provoke.h"

#include <poll.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int held; /* the end that moves */
static int carrier[2];

static void send_descriptor(int over, int fd)
{
	char byte = 'x';
	char control[CMSG_SPACE(sizeof(fd))] = {0};
	struct iovec part = {&byte, 1};
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	if (sendmsg(over, &message, 0) != 1)
		die("send a descriptor");
}

static int receive_descriptor(int over)
{
	char byte;
	int fd;
	char control[CMSG_SPACE(sizeof(fd))];
	struct iovec part = {&byte, 1};
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};

	if (recvmsg(over, &message, MSG_CMSG_CLOEXEC) != 1 || CMSG_FIRSTHDR(&message) == NULL)
		die("receive a descriptor");
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	return fd;
}

/* One pass is awaited by two. */
static void await_end(struct story *story)
{
	await(story, STEP_END);
	pass(story, STEP_END);
}

/* Has nothing to do with any of it. */
static void bystander(struct story *story)
{
	int pair[2];

	(void)story;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		die("socketpair");
	close(pair[0]);
	close(pair[1]);
}

static void let_go_in_flight(struct story *story)
{
	static struct actor other;

	close(held);
	await(story, STEP_SENT);
	story->unread = 5;
	close(carrier[0]);
	close(carrier[1]);
	if (is_variant(story, "collected"))
		waitpid(role_start(story, bystander, &other, "bystander"), NULL, 0);
	pass(story, STEP_CLOSED);
	await(story, STEP_END);
}

static void last_holder(struct story *story)
{
	int fd = held;

	if (is_variant(story, "passed")) {
		close(carrier[0]);
		fd = receive_descriptor(carrier[1]);
	}
	await(story, STEP_CLOSE);
	read_exactly(fd, 5);
	close(fd);
	pass(story, STEP_CLOSED);
	await_end(story);
}

static void start_last_holder(struct story *story)
{
	if (is_variant(story, "passed"))
		close(held); /* the child is to have no copy but the one that it is sent */
	if (role_start(story, last_holder, &story->peer, "holder") < 0)
		die("role_start");
	close(carrier[1]);
	if (is_variant(story, "shared"))
		close(held);
}

static void peer(struct story *story)
{
	held = unix_join(story, false);
	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, carrier) < 0)
		die("socketpair");
	if (!is_variant(story, "shared"))
		send_descriptor(carrier[0], held);
	if (is_variant(story, "collected"))
		send_descriptor(carrier[0], carrier[1]);
	if (is_variant(story, "collected") || is_variant(story, "flight")) {
		let_go_in_flight(story);
		return;
	}
	start_last_holder(story);
	story->unread = 0;
	pass(story, STEP_SENT);
	await_end(story);
}

static void victim(struct story *story)
{
	int fd = unix_join(story, true);
	bool in_flight = is_variant(story, "flight") || is_variant(story, "collected");
	struct pollfd gone = {.fd = fd};

	sigpipe_prepare(story);
	if (!in_flight)
		await(story, STEP_SENT);
	if (call_out(story, fd, "hello", 5) != 5)
		die("send to an end that is still held");
	pass(story, in_flight ? STEP_SENT : STEP_CLOSE);
	await(story, STEP_CLOSED);
	if (poll(&gone, 1, -1) != 1 || !(gone.revents & POLLHUP))
		die("poll");
	send_in_vain(story, fd, story->options.repeat);
	sigpipe_finish(story);
}

int main(int argc, char **argv)
{
	struct story *story = story_new("unix_handed", argc, argv, "scrv");

	unix_prepare(story);
	return story_play(story, peer, victim);
}
