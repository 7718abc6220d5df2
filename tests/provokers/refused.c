/*
 * Nobody listens: ECONNREFUSED, by a blocking connect or (--nonblock) by SO_ERROR. The
 * port is bound, so that nobody else can take it, but not listened on.
 */
#include "provoke.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

static void finish_nonblocking(struct story *story, int fd)
{
	struct pollfd wait = {.fd = fd, .events = POLLOUT};

	if (poll(&wait, 1, -1) != 1)
		die("poll");
	ask_error(story, fd);
	send_in_vain(story, fd, story->options.repeat);
}

static void victim(struct story *story)
{
	struct sockaddr_storage address;
	socklen_t size;
	int holder, fd, result;

	address_fill(story, false, 0, &address, &size);
	holder = socket(address.ss_family, SOCK_STREAM, 0);
	fd = stream_socket(story, address.ss_family, true);
	if (holder < 0 || fd < 0 || bind(holder, (struct sockaddr *)&address, size) < 0)
		die("bind");
	getsockname(holder, (struct sockaddr *)&address, &size);
	address_format(&address, story->remote);
	if (story->options.nonblock && fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		die("O_NONBLOCK");
	sigpipe_prepare(story);
	result = connect(fd, (struct sockaddr *)&address, size);
	if (result == 0)
		die("connect succeeded");
	if (!story->options.nonblock)
		note_error(story, errno, "connect", fd, 0);
	else if (errno == EINPROGRESS)
		finish_nonblocking(story, fd);
	else
		die("connect did not wait");
	sigpipe_finish(story);
}

int main(int argc, char **argv)
{
	return story_play(story_new("refused", argc, argv, "sc6mbrF"), NULL, victim);
}
