/*
 * The same two ports, twice. The first connection is between the victim and a process `former`, which closes in
 * order and leaves a socket in TIME_WAIT; the second, with the peer, takes the place of that one and is reset.
 */
#include "provoke.h"

#include <errno.h>
#include <sched.h>
#include <unistd.h>

static int reusable_socket(const struct sockaddr_storage *address, socklen_t size)
{
	int fd = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket");
	set_number(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (bind(fd, (const struct sockaddr *)address, size) < 0)
		die("bind");
	return fd;
}

static int serve_one(struct story *story)
{
	struct sockaddr_storage address;
	socklen_t size;
	int listener, fd;

	address_fill(story, false, story->port, &address, &size);
	listener = reusable_socket(&address, size);
	if (listen(listener, 1) < 0 || getsockname(listener, (struct sockaddr *)&address, &size) < 0)
		die("listen");
	story->port = ntohs(((struct sockaddr_in *)&address)->sin_port);
	pass(story, STEP_LISTENING);
	fd = accept(listener, NULL, NULL);
	if (fd < 0)
		die("accept");
	close(listener);
	read_exactly(fd, 5);
	return fd;
}

static void former(struct story *story)
{
	close(serve_one(story));
}

static void peer(struct story *story)
{
	await(story, STEP_CLOSED);
	close_abortively(serve_one(story));
	await(story, STEP_END);
}

static int dial_from(struct story *story, struct sockaddr_storage *own, socklen_t size)
{
	struct sockaddr_storage address;
	socklen_t unused;
	int fd = reusable_socket(own, size);

	await(story, STEP_LISTENING);
	address_fill(story, false, story->port, &address, &unused);
	if (connect(fd, (struct sockaddr *)&address, unused) < 0)
		die("connect");
	if (getsockname(fd, (struct sockaddr *)own, &size) < 0 || write(fd, "hello", 5) != 5)
		die("hello");
	return fd;
}

static void victim(struct story *story)
{
	static struct actor other;
	struct sockaddr_storage own;
	socklen_t size;
	char data[16];
	int fd;

	role_start(story, former, &other, "former");
	address_fill(story, true, 0, &own, &size);
	fd = dial_from(story, &own, size);
	if (read(fd, data, sizeof(data)) != 0)
		die("no orderly end");
	close(fd);
	pass(story, STEP_CLOSED);
	fd = dial_from(story, &own, size);
	endpoint_names(story, fd);
	wait_reset(fd);
	if (call_recv(story, fd, data, sizeof(data)) >= 0)
		die("no error for recv");
	sigpipe_prepare(story);
	send_in_vain(story, fd, story->options.repeat);
	sigpipe_finish(story);
}

int main(int argc, char **argv)
{
	return story_play(story_new("reuse", argc, argv, "sc6r"), peer, victim);
}
