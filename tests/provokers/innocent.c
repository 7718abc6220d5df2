/*
 * Nothing goes wrong here, though it looks like it: an orderly connection, a full buffer
 * (EAGAIN), SIGPIPE sent by kill() and by raise(), a half-close that both sides honour.
 */
#include "provoke.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static void peer(struct story *story)
{
	int fd = pair_join(story, false);

	await(story, STEP_SENT);
	char data[4096];

	while (read(fd, data, sizeof(data)) > 0)
		;
	close(fd);
	await(story, STEP_END);
}

static void victim(struct story *story)
{
	static char data[1 << 16];
	int fd = pair_join(story, true);

	story->options.sigpipe = SIGPIPE_HANDLER;
	sigpipe_prepare(story);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	while (send(fd, data, sizeof(data), 0) > 0)
		;
	if (errno != EAGAIN)
		die("no EAGAIN");
	pass(story, STEP_SENT);
	kill(getpid(), SIGPIPE);
	raise(SIGPIPE);
	if (story->handled != 2)
		die("the two signals did not come");
	story->handled = 0; /* sent by the program itself, by no dead end */
	shutdown(fd, SHUT_WR);
	fcntl(fd, F_SETFL, 0);
	if (read(fd, data, 1) != 0)
		die("no orderly end");
	close(fd);
}

int main(int argc, char **argv)
{
	return story_play(story_new("innocent", argc, argv, "6ma"), peer, victim);
}
