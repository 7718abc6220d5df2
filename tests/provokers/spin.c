/* A program that does not look: --bytes N sends (20,000) on a socket that is dead already. */
#include "provoke.h"

#include <unistd.h>

static void peer(struct story *story)
{
	int fd = pair_join(story, false);

	read_exactly(fd, 5);
	close(fd);
	await(story, STEP_END);
}

static void victim(struct story *story)
{
	int fd = pair_join(story, true);

	sigpipe_prepare(story);
	if (call_out(story, fd, "hello", 5) != 5)
		die("first send");
	wait_fin(fd);
	if (call_out(story, fd, "again", 5) != 5)
		die("second send");
	wait_reset(fd);
	for (long i = 0; i < story->options.bytes; i++)
		if (call_out(story, fd, "third", 5) >= 0)
			die("send to a dead socket succeeded");
	sigpipe_finish(story);
}

int main(int argc, char **argv)
{
	struct story *story = story_new("spin", argc, argv, "scN");

	if (story->options.bytes < 20)
		story->options.bytes = 20000;
	if (story->options.sigpipe == SIGPIPE_DEFAULT)
		story->options.sigpipe = SIGPIPE_IGNORE;
	return story_play(story, peer, victim);
}
