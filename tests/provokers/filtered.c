/*
 * A packet filter of this host answers the victim with a RST. Variants: `output` and `input` (of data, where it
 * leaves and where it arrives), `syn` and `syn_input` (of the SYN, though somebody listens), `dropped` (it only
 * drops, and a moment later the peer itself throws the connection away), `lost` (the peer does, but the filter
 * drops its RST, and the next one answers data that the victim sends later).
 */
#include "provoke.h"

#include <errno.h>
#include <unistd.h>

enum { LISTENED_PORT = 7777 };

static bool is_of_syn(const struct story *story)
{
	return is_variant(story, "syn") || is_variant(story, "syn_input");
}

static void listen_in_vain(struct story *story)
{
	struct sockaddr_storage address;
	socklen_t size;

	address_fill(story, false, LISTENED_PORT, &address, &size);
	int listener = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) < 0 || listen(listener, 1) < 0)
		die("listen");
	filter_add(is_variant(story, "syn") ? FILTER_OUT : FILTER_IN, LISTENED_PORT, FILTER_REJECTS);
	pass(story, STEP_LISTENING);
	await(story, STEP_END);
}

static void peer(struct story *story)
{
	if (is_of_syn(story)) {
		listen_in_vain(story);
		return;
	}
	int fd = pair_join(story, false);

	read_exactly(fd, 5);
	if (is_variant(story, "lost")) {
		filter_add(FILTER_OUT, remote_port(fd), FILTER_DROPS);
		close_abortively(fd);
		filter_remove();
	}
	if (is_variant(story, "input"))
		filter_add(FILTER_IN, story->port, FILTER_REJECTS);
	pass(story, STEP_PREPARED);
	if (is_variant(story, "dropped")) {
		await(story, STEP_SENT);
		close_abortively(fd);
	}
	await(story, STEP_END);
}

static void connect_in_vain(struct story *story)
{
	struct sockaddr_storage address;
	socklen_t size;

	await(story, STEP_LISTENING);
	address_fill(story, false, LISTENED_PORT, &address, &size);
	address_format(&address, story->remote);
	int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, (struct sockaddr *)&address, size) == 0)
		die("connect succeeded");
	note_error(story, errno, "connect", fd, 0);
}

static void victim(struct story *story)
{
	if (is_of_syn(story)) {
		connect_in_vain(story);
		return;
	}
	int fd = pair_join(story, true);

	sigpipe_prepare(story);
	if (call_out(story, fd, "hello", 5) != 5)
		die("first send");
	await(story, STEP_PREPARED);
	if (is_variant(story, "output"))
		filter_add(FILTER_OUT, story->port, FILTER_REJECTS);
	if (is_variant(story, "dropped"))
		filter_add(FILTER_OUT, story->port, FILTER_DROPS);
	if (call_out(story, fd, "again", 5) != 5)
		die("second send");
	pass(story, STEP_SENT);
	wait_reset(fd);
	send_in_vain(story, fd, story->options.repeat + 1);
	sigpipe_finish(story);
}

int main(int argc, char **argv)
{
	struct story *story = story_new("filtered", argc, argv, "sc6nrv");

	if (!story->options.netns)
		netns_of_its_own();
	return story_play(story, peer, victim);
}
