/*
 * The first thread opens the connection, a second one, `writer`, meets its end. Variant `reset`: the first
 * waits in recv and takes the error of the RST, which leaves EPIPE to the other.
 */
#include "provoke.h"

#include <pthread.h>
#include <sys/prctl.h>
#include <unistd.h>

static int fd;

static void peer(struct story *story)
{
	int end = pair_join(story, false);

	read_exactly(end, 5);
	if (is_variant(story, "reset"))
		close_abortively(end);
	else
		close(end);
	await(story, STEP_END);
}

static void *writer(void *argument)
{
	struct story *story = argument;

	prctl(PR_SET_NAME, "writer");
	if (is_variant(story, "reset"))
		send_in_vain(story, fd, story->options.repeat + 1);
	else
		write_into_dead_end(story, fd, story->options.repeat + 1);
	sigpipe_finish(story);
	return NULL;
}

static void victim(struct story *story)
{
	pthread_t thread;
	char data[16];

	fd = pair_join(story, true);
	sigpipe_prepare(story);
	if (write(fd, "hello", 5) != 5)
		die("first send");
	if (is_variant(story, "reset") && call_recv(story, fd, data, sizeof(data)) >= 0)
		die("no error for recv");
	if (pthread_create(&thread, NULL, writer, story) != 0 || pthread_join(thread, NULL) != 0)
		die("thread");
}

int main(int argc, char **argv)
{
	return story_play(story_new("threads", argc, argv, "sc6rv"), peer, victim);
}
