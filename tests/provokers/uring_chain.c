/*
 * Two linked writes of io_uring to two pipes without readers: the first raises SIGPIPE when the
 * second was taken last, and the second is never begun. Which one failed is not to be guessed.
 */
#include "provoke.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static int pipe_without_reader(void)
{
	int ends[2];

	/* Up to 6.1 a worker would write to one that blocks. */
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		die("pipe");
	close(ends[0]);
	return ends[1];
}

static void victim(struct story *story)
{
	int results[2];

	sigpipe_prepare(story);
	uring_write_chain(pipe_without_reader(), pipe_without_reader(), results);
	if (results[0] != -EPIPE || results[1] != -ECANCELED)
		die("the chain ended with %d and %d", results[0], results[1]);
	sigpipe_finish(story);
	if (story->handled != 1)
		die("SIGPIPE was raised %d times", (int)story->handled);
}

int main(int argc, char **argv)
{
	struct story *story = story_new("uring_chain", argc, argv, "s");

	story->options.sigpipe = SIGPIPE_HANDLER;
	return story_play(story, NULL, victim);
}
