/*
 * A connection that nobody has accepted yet. Variants: `listener_closed` (the peer closes its listener, and its
 * kernel resets what waits there), `reset_before_accept` (the peer connects and aborts; the victim accepts a
 * connection that is dead already).
 */
#include "provoke.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

static void close_listener(struct story *story)
{
	int listener = listen_one(story, false);

	pass(story, STEP_LISTENING);
	await(story, STEP_JOINED);
	close(listener);
	await(story, STEP_END);
}

static void be_accepted_by_nobody(struct story *story)
{
	struct sockaddr_storage address;
	socklen_t size;
	char data[16];
	int fd;

	await(story, STEP_LISTENING);
	address_fill(story, false, story->port, &address, &size);
	fd = stream_socket(story, address.ss_family, true);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, size) < 0)
		die("connect");
	endpoint_names(story, fd);
	pass(story, STEP_JOINED);
	wait_reset(fd);
	if (call_recv(story, fd, data, sizeof(data)) >= 0)
		die("no error for recv");
	send_in_vain(story, fd, story->options.repeat);
}

static void connect_and_abort(struct story *story)
{
	struct sockaddr_storage address;
	socklen_t size;
	int fd;

	await(story, STEP_LISTENING);
	address_fill(story, true, story->port, &address, &size);
	fd = stream_socket(story, address.ss_family, false);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, size) < 0)
		die("connect");
	await(story, STEP_JOINED);
	close_abortively(fd);
	pass(story, STEP_CLOSED);
	await(story, STEP_END);
}

static void accept_the_dead(struct story *story)
{
	int listener = listen_one(story, true);
	struct pollfd wait = {.fd = listener, .events = POLLIN};
	struct sockaddr_storage from;
	socklen_t size = sizeof(from);
	char data[16];
	int fd;

	pass(story, STEP_LISTENING);
	/* Ready means that the handshake has ended: there is a connection to abort. */
	if (poll(&wait, 1, -1) != 1)
		die("poll");
	pass(story, STEP_JOINED);
	await(story, STEP_CLOSED);
	fd = accept(listener, (struct sockaddr *)&from, &size);
	if (fd < 0)
		die("accept");
	endpoint_names(story, fd);
	address_format(&from, story->remote); /* a dead one has no peer to ask for */
	if (call_recv(story, fd, data, sizeof(data)) >= 0)
		die("no error for recv");
	send_in_vain(story, fd, story->options.repeat);
}

static void peer(struct story *story)
{
	if (is_variant(story, "listener_closed"))
		close_listener(story);
	else
		connect_and_abort(story);
}

static void victim(struct story *story)
{
	sigpipe_prepare(story);
	if (is_variant(story, "listener_closed"))
		be_accepted_by_nobody(story);
	else
		accept_the_dead(story);
	sigpipe_finish(story);
}

int main(int argc, char **argv)
{
	return story_play(story_new("backlog", argc, argv, "sc6rvM"), peer, victim);
}
