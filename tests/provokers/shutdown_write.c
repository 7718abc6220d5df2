/* The victim shuts down its own sending side and writes all the same: EPIPE, no RST at all. */
#include "provoke.h"

#include <unistd.h>

static void peer(struct story *story)
{
	int fd = pair_join(story, false);

	read_exactly(fd, 5);
	await(story, STEP_END);
	close(fd);
}

static void victim(struct story *story)
{
	int fd = pair_join(story, true);

	sigpipe_prepare(story);
	if (call_out(story, fd, "hello", 5) != 5)
		die("first send");
	if (shutdown(fd, SHUT_WR) < 0)
		die("shutdown");
	send_in_vain(story, fd, story->options.repeat + 1);
	sigpipe_finish(story);
}

int main(int argc, char **argv)
{
	return story_play(story_new("shutdown_write", argc, argv, "sc6mnarM"), peer, victim);
}
