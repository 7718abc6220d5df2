/*
 * Endpoints older than the tracer. Prints a line with "ready" once the connection (and the
 * peer's close) are past, waits for a byte on stdin, and only then meets the dead end.
 * Variants: `gone` (the peer has closed and exited before), `open` (the peer closes after).
 */
#include "provoke.h"

#include <unistd.h>

static void peer(struct story *story)
{
	int fd = pair_join(story, false);

	read_exactly(fd, 5);
	if (is_variant(story, "open"))
		await(story, STEP_CLOSE);
	close(fd);
	if (is_variant(story, "open"))
		await(story, STEP_END);
}

static void victim(struct story *story)
{
	int fd = pair_join(story, true);

	sigpipe_prepare(story);
	if (call_out(story, fd, "hello", 5) != 5)
		die("first send");
	if (!is_variant(story, "open"))
		wait_fin(fd);
	pass(story, STEP_READY);
	await(story, STEP_GO);
	if (is_variant(story, "open"))
		pass(story, STEP_CLOSE);
	write_into_dead_end(story, fd, story->options.repeat + 1);
	sigpipe_finish(story);
}

int main(int argc, char **argv)
{
	struct story *story = story_new("old_endpoint", argc, argv, "sc6mnarv");

	story->holds = true;
	return story_play(story, peer, victim);
}
