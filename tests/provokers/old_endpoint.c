/*
 * Endpoints older than the tracer. Prints a line with "ready" once the connection (and the
 * peer's close) are past, waits for a byte on stdin, and only then meets the dead end.
 * Variants: `gone` (the peer has closed and exited before), `open` (the peer closes after).
 */
#include "provoke.h"

#include <string.h>
#include <unistd.h>

static bool closes_later(const struct story *story)
{
	return strcmp(story->options.variant, "open") == 0;
}

static void peer(struct story *story)
{
	int fd = pair_join(story, false);

	read_exactly(fd, 5);
	if (closes_later(story))
		await(story, STEP_CLOSE);
	close(fd);
	if (closes_later(story))
		await(story, STEP_END);
}

static void victim(struct story *story)
{
	int fd = pair_join(story, true);

	sigpipe_prepare(story);
	if (call_out(story, fd, "hello", 5) != 5)
		die("first send");
	if (!closes_later(story))
		wait_fin(fd);
	pass(story, STEP_READY);
	await(story, STEP_GO);
	if (closes_later(story)) {
		pass(story, STEP_CLOSE);
		wait_fin(fd);
	}
	if (call_out(story, fd, "again", 5) != 5)
		die("second send");
	wait_reset(fd);
	for (long i = 0; i <= story->options.repeat; i++)
		if (call_out(story, fd, "third", 5) >= 0)
			die("send to a dead socket succeeded");
	sigpipe_finish(story);
}

int main(int argc, char **argv)
{
	struct story *story = story_new("old_endpoint", argc, argv, "sc6mnarv");

	story->options.hold = true;
	return story_play(story, peer, victim);
}
