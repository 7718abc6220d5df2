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
	write_into_dead_end(story, fd, story->options.bytes);
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
