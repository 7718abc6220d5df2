/*
 * The peer ends the connection by a RST on purpose. Variants: `linger0` (SO_LINGER 0 and
 * close), `disconnect` (connect to AF_UNSPEC), `empty` (linger0 before any byte was sent,
 * as health checks do), `unnoticed` (linger0, and the victim only closes), `asked` (the victim
 * asks for SO_ERROR, as who waits in poll() does).
 */
#include "provoke.h"

#include <stdlib.h>
#include <unistd.h>

static void peer(struct story *story)
{
	int fd = pair_join(story, false);

	if (is_variant(story, "empty"))
		await(story, STEP_JOINED);
	else
		read_exactly(fd, 5);
	if (is_variant(story, "disconnect")) {
		struct sockaddr nobody = {.sa_family = AF_UNSPEC};

		if (connect(fd, &nobody, sizeof(nobody)) < 0)
			die("disconnect");
	} else {
		close_abortively(fd);
	}
	await(story, STEP_END);
}

static void victim(struct story *story)
{
	int fd = pair_join(story, true);
	char data[16];

	if (is_variant(story, "empty"))
		pass(story, STEP_JOINED);
	else if (write(fd, "hello", 5) != 5)
		die("write");
	wait_reset(fd);
	if (!is_variant(story, "unnoticed")) {
		if (is_variant(story, "asked"))
			ask_error(story, fd);
		else if (call_recv(story, fd, data, sizeof(data)) >= 0)
			die("no error for recv");
		sigpipe_prepare(story);
		send_in_vain(story, fd, story->options.repeat);
		sigpipe_finish(story);
	}
	close(fd);
}

int main(int argc, char **argv)
{
	struct story *story = story_new("linger0", argc, argv, "sc6mnarvdM");

	if (story->options.variant[0] == '\0')
		story->options.variant = "linger0";
	return story_play(story, peer, victim);
}
