/*
 * The peer falls silent: its host drops whatever comes for its socket. Variants, by the limit that then ends the
 * connection: `retransmission` (net.ipv4.tcp_retries2), `user` (TCP_USER_TIMEOUT), `user_idle` (the same, noticed
 * by keepalive), `keepalive`, `probes` (its window was full, and probes go unanswered), `syn` (it never answered),
 * `syn_user` (the same, with a TCP_USER_TIMEOUT that never passes). The error is met by recv, with --nonblock by
 * SO_ERROR, with --late by a send.
 */
#include "provoke.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { USER_TIMEOUT_MS = 400, LONG_TIMEOUT_MS = 600000 };

static bool never_answers(const struct story *story)
{
	return is_variant(story, "syn") || is_variant(story, "syn_user");
}

static void deaf_listener(struct story *story)
{
	peer_enter_namespace(story);
	deafen(listen_one(story, false));
	pass(story, STEP_LISTENING);
	await(story, STEP_END);
}

static void peer(struct story *story)
{
	if (never_answers(story)) {
		deaf_listener(story);
		return;
	}
	int fd = pair_join(story, false);

	settle(fd, false);
	if (is_variant(story, "probes"))
		await(story, STEP_SENT);
	else
		read_exactly(fd, 5);
	deafen(fd);
	pass(story, STEP_CLOSED);
	await(story, STEP_END);
}

static void set_limits(const struct story *story, int fd)
{
	bool idle = is_variant(story, "user_idle");

	if (is_variant(story, "user") || idle)
		set_number(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS);
	if (!idle && !is_variant(story, "keepalive"))
		return;
	set_number(fd, IPPROTO_TCP, TCP_KEEPIDLE, 1);
	set_number(fd, IPPROTO_TCP, TCP_KEEPINTVL, 1);
	set_number(fd, IPPROTO_TCP, TCP_KEEPCNT, idle ? 9 : 1);
	set_number(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
}

/* Until all that the peer's window took is acknowledged, more waits, and probes have found it closed. */
static void fill_window(int fd)
{
	static char data[1 << 16];
	struct tcp_info info;
	socklen_t size = sizeof(info);
	int unsent = 0;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	do {
		while (send(fd, data, sizeof(data), 0) > 0)
			;
		if (errno != EAGAIN || getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) < 0 ||
		    ioctl(fd, SIOCOUTQNSD, &unsent) < 0)
			die("fill the window");
		sched_yield();
	} while (info.tcpi_unacked != 0 || unsent == 0 || info.tcpi_backoff == 0);
	fcntl(fd, F_SETFL, 0);
}

static void fall_silent(struct story *story, int fd)
{
	bool idle = is_variant(story, "keepalive") || is_variant(story, "user_idle");

	if (is_variant(story, "probes")) {
		fill_window(fd);
		pass(story, STEP_SENT);
	} else if (call_out(story, fd, "hello", 5) != 5) {
		die("first send");
	}
	await(story, STEP_CLOSED);
	if (!idle && !is_variant(story, "probes") && call_out(story, fd, "again", 5) != 5)
		die("send into silence");
}

static void meet_timeout(struct story *story, int fd)
{
	char data[16];

	if (story->options.nonblock) {
		wait_reset(fd);
		ask_error(story, fd);
	} else if (story->options.late) {
		wait_reset(fd);
		send_in_vain(story, fd, 1);
	} else if (call_recv(story, fd, data, sizeof(data)) >= 0) {
		die("no error for recv");
	}
	send_in_vain(story, fd, story->options.repeat);
}

static void connect_in_vain(struct story *story)
{
	struct sockaddr_storage address;
	socklen_t size;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	await(story, STEP_LISTENING);
	address_fill(story, false, story->port, &address, &size);
	address_format(&address, story->remote);
	if (fd < 0)
		die("socket");
	set_number(fd, IPPROTO_TCP, TCP_SYNCNT, 1);
	if (is_variant(story, "syn_user"))
		set_number(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, LONG_TIMEOUT_MS);
	if (story->options.nonblock && fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		die("O_NONBLOCK");
	if (connect(fd, (struct sockaddr *)&address, size) == 0)
		die("connect succeeded");
	if (!story->options.nonblock)
		note_error(story, errno, "connect", fd, 0);
	else
		meet_timeout(story, fd);
}

static void victim(struct story *story)
{
	/* Less than a second of silence; of a SYN's limits three, and before 6.5 there is no linear part. */
	if (!set_namespace_number("tcp_retries2", 1))
		die("tcp_retries2");
	set_namespace_number("tcp_syn_linear_timeouts", 0);
	sigpipe_prepare(story);
	if (never_answers(story)) {
		connect_in_vain(story);
	} else {
		int fd = pair_join(story, true);

		settle(fd, true);
		set_limits(story, fd);
		fall_silent(story, fd);
		meet_timeout(story, fd);
	}
	sigpipe_finish(story);
}

int main(int argc, char **argv)
{
	struct story *story = story_new("silence", argc, argv, "scbrvl");

	story->options.netns = true; /* whose limits are the namespace's, and can be short there */
	return story_play(story, peer, victim);
}
