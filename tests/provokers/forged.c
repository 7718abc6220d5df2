/*
 * A RST in the peer's name, which the peer has not sent. Variants: `ttl` (from another distance), `same` (from
 * the peer's own), `twice`, `outside` (sequence numbers that are not the next one: the connection lives on).
 */
#include "provoke.h"

#include <string.h>
#include <unistd.h>

enum { OTHER_TTL = 33, OWN_TTL = 64, INSIDE_WINDOW = 100, OUTSIDE_WINDOW = 1 << 24 };

static void peer(struct story *story)
{
	int fd = pair_join(story, false);

	read_exactly(fd, 5);
	if (is_variant(story, "outside")) {
		forge_reset(fd, INSIDE_WINDOW, OTHER_TTL);
		forge_reset(fd, OUTSIDE_WINDOW, OTHER_TTL);
		if (write(fd, "howdy", 5) != 5)
			die("write");
		close(fd);
	} else {
		forge_reset(fd, 0, is_variant(story, "same") ? OWN_TTL : OTHER_TTL);
		if (is_variant(story, "twice"))
			forge_reset(fd, 0, OTHER_TTL);
	}
	await(story, STEP_END);
}

static void victim(struct story *story)
{
	int fd = pair_join(story, true);
	char data[16];

	sigpipe_prepare(story);
	if (call_out(story, fd, "hello", 5) != 5)
		die("send");
	if (is_variant(story, "outside")) {
		wait_fin(fd);
		if (call_recv(story, fd, data, sizeof(data)) != 5 || call_recv(story, fd, data, sizeof(data)) != 0)
			die("the connection did not outlive it");
	} else {
		wait_reset(fd);
		if (call_recv(story, fd, data, sizeof(data)) >= 0)
			die("no error for recv");
		send_in_vain(story, fd, story->options.repeat);
	}
	sigpipe_finish(story);
	close(fd);
}

int main(int argc, char **argv)
{
	struct story *story = story_new("forged", argc, argv, "scnrv");

	if (!story->options.netns)
		netns_of_its_own();
	return story_play(story, peer, victim);
}
