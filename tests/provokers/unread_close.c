/*
 * The peer closes while bytes of the victim lie unread there: RST instead of FIN. The
 * victim then reads (--receive says how: ECONNRESET) or, variant `write`, writes: ECONNRESET, then EPIPE.
 */
#include "provoke.h"

#include <stdlib.h>
#include <unistd.h>

static void peer(struct story *story)
{
	int fd = pair_join(story, false);

	story->unread = wait_unread(fd, story->options.bytes);
	close(fd);
	await(story, STEP_END);
}

static void victim(struct story *story)
{
	int fd = pair_join(story, true);
	size_t size = (size_t)story->options.bytes;
	char *data = calloc(1, size);

	if (data == NULL || write(fd, data, size) != (ssize_t)size)
		die("first write");
	wait_reset(fd);
	sigpipe_prepare(story);
	if (is_variant(story, "write")) {
		send_in_vain(story, fd, story->options.repeat + 2);
	} else {
		if (call_recv(story, fd, data, size) >= 0)
			die("no error for recv");
		if (call_recv(story, fd, data, size) != 0)
			die("no end of file after the error");
	}
	sigpipe_finish(story);
}

int main(int argc, char **argv)
{
	return story_play(story_new("unread_close", argc, argv, "sc6mnarNvdMF"), peer, victim);
}
