/*
 * Sends on a unix socket that fail by the victim's own doing. Variants: `shutdown` (of its sending side),
 * `unconnected`, `nobody` (to a name whose owner has gone).
 */
#include "provoke.h"

#include <string.h>
#include <unistd.h>

static void peer(struct story *story)
{
	unix_join(story, false);
	await(story, STEP_END);
}

static void send_to_nobody(struct story *story, int fd)
{
	socklen_t size;
	const struct sockaddr *nobody = unix_name(&size);

	unix_leave_name(story);
	for (long i = 0; i < story->options.repeat; i++)
		if (call_sendto(story, fd, "again", 5, nobody, size) >= 0)
			die("somebody was there");
	unix_remove_name();
}

static void victim(struct story *story)
{
	bool shuts_down = is_variant(story, "shutdown");
	int fd = shuts_down ? unix_join(story, true) : unix_socket(story);

	if (shuts_down && shutdown(fd, SHUT_WR) < 0)
		die("shutdown");
	sigpipe_prepare(story);
	if (is_variant(story, "nobody"))
		send_to_nobody(story, fd);
	else
		send_in_vain(story, fd, story->options.repeat);
	sigpipe_finish(story);
	if (story->options.type != SOCK_STREAM)
		story->expects_epipe_signal = false;
}

int main(int argc, char **argv)
{
	struct story *story = story_new("unix_own", argc, argv, "scrvtp");
	bool alone = !is_variant(story, "shutdown");

	if (!alone || is_variant(story, "nobody"))
		unix_prepare(story);
	return story_play(story, alone ? NULL : peer, victim);
}
