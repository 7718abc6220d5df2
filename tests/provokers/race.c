/*
 * The peer closes while something that the victim has sent is under way. Variants: `crossing` (it is lost once,
 * the FIN arrives before it does), `full` (the victim does not read, so that the FIN waits behind what it has no
 * room for).
 */
#include "provoke.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

enum { LATE_BYTES = 100, STUCK_MS = 100 };

/* Until neither end takes any more. */
static void fill_window(int fd)
{
	static const char data[65536];
	struct pollfd wait = {.fd = fd, .events = POLLOUT};

	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		die("O_NONBLOCK");
	do {
		while (write(fd, data, sizeof(data)) > 0)
			;
		if (errno != EAGAIN)
			die("write");
	} while (poll(&wait, 1, STUCK_MS) > 0);
}

static void peer(struct story *story)
{
	int fd = pair_join(story, false);

	if (is_variant(story, "full")) {
		fill_window(fd);
	} else {
		drop_payload(fd);
		pass(story, STEP_PREPARED);
		await(story, STEP_SENT);
	}
	close(fd);
	pass(story, STEP_CLOSED);
	await(story, STEP_END);
}

static void victim(struct story *story)
{
	int fd = pair_join(story, true);
	char data[LATE_BYTES] = {0};

	sigpipe_prepare(story);
	await(story, is_variant(story, "full") ? STEP_CLOSED : STEP_PREPARED);
	if (call_out(story, fd, data, sizeof(data)) != (ssize_t)sizeof(data))
		die("send");
	pass(story, STEP_SENT);
	wait_reset(fd);
	send_in_vain(story, fd, story->options.repeat + 1);
	sigpipe_finish(story);
}

int main(int argc, char **argv)
{
	return story_play(story_new("race", argc, argv, "sc6mnarv"), peer, victim);
}
