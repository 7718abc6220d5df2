/*
 * The peer is killed (SIGKILL) with the connection open; with unread bytes its kernel
 * sends RST, without (--bytes 0) FIN only, and the victim goes the classic way. Variant half: it had
 * shut down its sending side before.
 */
#include "provoke.h"

#include <stdlib.h>
#include <unistd.h>

static void peer(struct story *story)
{
	int fd = pair_join(story, false);

	if (is_variant(story, "half") && shutdown(fd, SHUT_WR) != 0)
		die("shutdown");
	if (story->options.bytes > 0)
		story->unread = wait_unread(fd, story->options.bytes);
	else
		await(story, STEP_CLOSE);
	kill(getpid(), SIGKILL);
}

static void victim(struct story *story)
{
	int fd = pair_join(story, true);
	size_t size = (size_t)story->options.bytes;
	char data[16];

	sigpipe_prepare(story);
	if (size == 0) {
		pass(story, STEP_CLOSE);
		write_into_dead_end(story, fd, 1);
	} else {
		char *unread = calloc(1, size);

		if (unread == NULL || write(fd, unread, size) != (ssize_t)size)
			die("write");
		wait_reset(fd);
		/* After a FIN a RST is told to writers only. */
		if (is_variant(story, "half"))
			send_in_vain(story, fd, 1);
		else if (call_recv(story, fd, data, sizeof(data)) >= 0)
			die("no error for recv");
	}
	sigpipe_finish(story);
}

int main(int argc, char **argv)
{
	return story_play(story_new("killed_peer", argc, argv, "sc6mnaNvMF"), peer, victim);
}
