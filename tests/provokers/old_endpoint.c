/*
 * Endpoints older than the tracer. Prints a line with "ready" once the connection (and the
 * peer's close) are past, waits for a byte on stdin, and only then meets the dead end.
 * Variants: `gone` (the peer has closed and exited before), `open` (the peer closes after), `told` (the peer has
 * reset, and the victim was told of it before), `pending` (the same, and it has not looked yet).
 */
#include "provoke.h"

#include <errno.h>
#include <unistd.h>

static bool was_reset(const struct story *story)
{
	return is_variant(story, "told") || is_variant(story, "pending");
}

static void peer(struct story *story)
{
	int fd = pair_join(story, false);

	read_exactly(fd, 5);
	if (is_variant(story, "open"))
		await(story, STEP_CLOSE);
	if (was_reset(story))
		close_abortively(fd);
	else
		close(fd);
	if (is_variant(story, "open"))
		await(story, STEP_END);
}

static void victim(struct story *story)
{
	int fd = pair_join(story, true);
	char data[16];

	sigpipe_prepare(story);
	if (call_out(story, fd, "hello", 5) != 5)
		die("first send");
	if (was_reset(story))
		wait_reset(fd);
	else if (!is_variant(story, "open"))
		wait_fin(fd);
	if (is_variant(story, "told") && (recv(fd, data, sizeof(data), 0) >= 0 || errno != ECONNRESET))
		die("no reset before the trace");
	pass(story, STEP_READY);
	await(story, STEP_GO);
	if (is_variant(story, "open"))
		pass(story, STEP_CLOSE);
	if (is_variant(story, "pending") && call_recv(story, fd, data, sizeof(data)) >= 0)
		die("no pending error");
	if (was_reset(story))
		send_in_vain(story, fd, story->options.repeat);
	else
		write_into_dead_end(story, fd, story->options.repeat + 1);
	sigpipe_finish(story);
}

int main(int argc, char **argv)
{
	struct story *story = story_new("old_endpoint", argc, argv, "sc6mnarv");

	story->holds = true;
	return story_play(story, peer, victim);
}
