/*
 * The peer's end is gone without a word, as after a reboot, and what is written then meets a RST for want of a
 * socket. Variant `idle`: after a silence of more than a second.
 */
#include "provoke.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

enum { SILENCE_MS = 1300 };

static void peer(struct story *story)
{
	int fd = pair_join(story, false);

	read_exactly(fd, 5);
	forget_silently(fd);
	pass(story, STEP_CLOSED);
	await(story, STEP_END);
}

static void be_silent(void)
{
	struct timespec length = {.tv_sec = SILENCE_MS / 1000, .tv_nsec = SILENCE_MS % 1000 * 1000000};

	while (nanosleep(&length, &length) < 0 && errno == EINTR)
		;
}

static void victim(struct story *story)
{
	int fd = pair_join(story, true);
	int64_t said_us = now_us();

	sigpipe_prepare(story);
	if (call_out(story, fd, "hello", 5) != 5)
		die("first send");
	await(story, STEP_CLOSED);
	int64_t silent_us = now_us();

	if (is_variant(story, "idle"))
		be_silent();
	else
		pause_briefly();
	story->idle_min_us = now_us() - silent_us;
	if (call_out(story, fd, "again", 5) != 5)
		die("send to a peer that forgot");
	story->idle_max_us = now_us() - said_us;
	wait_reset(fd);
	send_in_vain(story, fd, story->options.repeat + 1);
	sigpipe_finish(story);
}

int main(int argc, char **argv)
{
	struct story *story = story_new("forgotten", argc, argv, "sc6nrv");

	if (!story->options.netns)
		netns_of_its_own();
	return story_play(story, peer, victim);
}
