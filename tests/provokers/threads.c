/* The first thread opens the connection, a second one, `writer`, meets its end. */
#include "provoke.h"

#include <pthread.h>
#include <sys/prctl.h>
#include <unistd.h>

static int fd;

static void peer(struct story *story)
{
	int end = pair_join(story, false);

	read_exactly(end, 5);
	close(end);
	await(story, STEP_END);
}

static void *writer(void *argument)
{
	struct story *story = argument;

	prctl(PR_SET_NAME, "writer");
	write_into_dead_end(story, fd, story->options.repeat + 1);
	sigpipe_finish(story);
	return NULL;
}

static void victim(struct story *story)
{
	pthread_t thread;

	fd = pair_join(story, true);
	sigpipe_prepare(story);
	if (write(fd, "hello", 5) != 5)
		die("first send");
	if (pthread_create(&thread, NULL, writer, story) != 0 || pthread_join(thread, NULL) != 0)
		die("thread");
}

int main(int argc, char **argv)
{
	return story_play(story_new("threads", argc, argv, "sc6r"), peer, victim);
}
