/* A send on a TCP socket that was never connected: EPIPE. */
#include "provoke.h"

#include <unistd.h>

static void victim(struct story *story)
{
	int fd = socket(story->options.address == ADDRESS_IPV6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0);

	if (fd < 0)
		die("socket");
	sigpipe_prepare(story);
	send_in_vain(story, fd, story->options.repeat + 1);
	sigpipe_finish(story);
}

int main(int argc, char **argv)
{
	return story_play(story_new("never_connected", argc, argv, "sc6r"), NULL, victim);
}
