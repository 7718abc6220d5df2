/*
 * The victim of a peer on another host, which remote_peer.py plays there: over a control
 * connection it is told which behaviour to prepare and when to act. Only the victim's own
 * calls are noted; who the peer was cannot be known from here.
 */
#include "provoke.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CONTROL_PORT = 7000, LINE_SIZE = 64, LATE_BYTES = 100, SILENCE_MS = 1000 };

/* What the victim does once connected, before and after the peer acts. */
struct course {
	const char *variant;
	void (*before)(struct story *story, int fd);
	void (*after)(struct story *story, int fd);
};

static int control;
static struct in_addr peer_host;
static int64_t began_us;

/* One line to the peer's host; its answer is a number. */
static int64_t ask(const char *request, const char *argument, int number)
{
	char line[LINE_SIZE];
	size_t size = 0;

	if (dprintf(control, "%s %s %d\n", request, argument, number) < 0)
		die("control request");
	do {
		if (size + 1 >= sizeof(line) || read(control, line + size, 1) != 1)
			die("%s %s: no answer", request, argument);
	} while (line[size++] != '\n');
	line[size] = '\0';
	if (line[0] < '0' || line[0] > '9')
		die("%s %s: %s", request, argument, line);
	return strtoll(line, NULL, 10);
}

static void let_peer_act(void)
{
	ask("act", "-", 0);
}

static int new_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket");
	return fd;
}

static int dial(int fd, uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = peer_host};

	return connect(fd, (struct sockaddr *)&address, sizeof(address));
}

/* --- before the peer acts --- */

static void say_nothing(struct story *story, int fd)
{
	(void)story;
	(void)fd;
}

static void say_hello(struct story *story, int fd)
{
	began_us = now_us();
	if (call_out(story, fd, "hello", 5) != 5)
		die("first send");
}

/* The peer's host drops these bytes, so that they are still under way when it closes. */
static void send_late(struct story *story, int fd)
{
	char data[LATE_BYTES] = {0};

	let_peer_act();
	if (call_out(story, fd, data, sizeof(data)) != (ssize_t)sizeof(data))
		die("send");
}

/* --- after it acted --- */

static void pause_for(struct story *story, long milliseconds)
{
	struct timespec length = {milliseconds / 1000, milliseconds % 1000 * 1000000};
	int64_t begin_us = now_us();

	while (nanosleep(&length, &length) < 0 && errno == EINTR)
		;
	story->idle_min_us = now_us() - begin_us;
}

static void write_again(struct story *story, int fd)
{
	wait_fin(fd);
	pause_for(story, 50);
	if (call_out(story, fd, "again", 5) != 5)
		die("second send");
	story->idle_max_us = now_us() - began_us;
	wait_reset(fd);
	send_in_vain(story, fd, story->options.repeat + 1);
}

static void read_reset(struct story *story, int fd)
{
	char data[16];

	wait_reset(fd);
	if (call_recv(story, fd, data, sizeof(data)) >= 0)
		die("no error for recv");
}

static void write_reset(struct story *story, int fd)
{
	wait_reset(fd);
	send_in_vain(story, fd, story->options.repeat + 1);
}

static void write_after_pause(struct story *story, int fd, long milliseconds)
{
	pause_for(story, milliseconds);
	if (call_out(story, fd, "again", 5) != 5)
		die("send to a peer that forgot");
	story->idle_max_us = now_us() - began_us;
	write_reset(story, fd);
}

static void write_soon(struct story *story, int fd)
{
	write_after_pause(story, fd, 50);
}

static void write_late(struct story *story, int fd)
{
	write_after_pause(story, fd, 1300);
}

static void meet_race(struct story *story, int fd)
{
	wait_fin(fd);
	write_reset(story, fd);
}

static void write_filtered(struct story *story, int fd)
{
	filter_add(FILTER_OUT, remote_port(fd), FILTER_REJECTS);
	if (call_out(story, fd, "again", 5) != 5)
		die("send into the filter");
	write_reset(story, fd);
	filter_remove();
}

/* What the filter dropped is not why the peer then aborts. */
static void write_dropped(struct story *story, int fd)
{
	filter_add(FILTER_OUT, remote_port(fd), FILTER_DROPS);
	if (call_out(story, fd, "again", 5) != 5)
		die("send into the filter");
	pause_briefly();
	let_peer_act();
	write_reset(story, fd);
	filter_remove();
}

static void half_closed_then_reset(struct story *story, int fd)
{
	wait_fin(fd);
	let_peer_act();
	write_reset(story, fd);
}

/* A half-closed peer still takes what is written, until it throws that away too. */
static void written_to_half_closed(struct story *story, int fd)
{
	wait_fin(fd);
	if (call_out(story, fd, "again", 5) != 5)
		die("send to a half-closed peer");
	let_peer_act();
	write_reset(story, fd);
}

static void leave_in_order(struct story *story, int fd)
{
	char data[16];

	wait_fin(fd);
	if (call_recv(story, fd, data, sizeof(data)) != 5 || call_recv(story, fd, data, sizeof(data)) != 0)
		die("no orderly answer");
}

static void expect_timeout(struct story *story, int fd)
{
	char data[16];

	if (call_recv(story, fd, data, sizeof(data)) >= 0)
		die("no error for recv");
}

static void send_into_silence(struct story *story, int fd)
{
	if (call_out(story, fd, "again", 5) != 5)
		die("second send");
	expect_timeout(story, fd);
}

static void send_with_user_timeout(struct story *story, int fd)
{
	set_number(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, SILENCE_MS);
	send_into_silence(story, fd);
}

static void keep_alive(struct story *story, int fd)
{
	set_number(fd, IPPROTO_TCP, TCP_KEEPIDLE, 1);
	set_number(fd, IPPROTO_TCP, TCP_KEEPINTVL, 1);
	set_number(fd, IPPROTO_TCP, TCP_KEEPCNT, 1);
	set_number(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	expect_timeout(story, fd);
}

/* --- the victim's own kernel resets --- */

static void close_unread(struct story *story, int fd)
{
	story->unread = wait_unread(fd, 5);
	close(fd);
}

static void close_with_linger(struct story *story, int fd)
{
	(void)story;
	close_abortively(fd);
}

static void close_before_answer(struct story *story, int fd)
{
	uint16_t port = (uint16_t)atoi(strrchr(story->local, ':') + 1);

	close(fd);
	wait_close_acknowledged(port);
	let_peer_act();
}

static const struct course courses[] = {
	{"origin_unread", say_hello, close_unread},
	{"origin_linger0", say_hello, close_with_linger},
	{"origin_late", say_hello, close_before_answer},
	{"close", say_hello, write_again},
	{"killed", say_hello, write_again},
	{"unread", say_hello, read_reset},
	{"killed_unread", say_hello, read_reset},
	{"abort", say_hello, write_reset},
	{"dial", say_nothing, read_reset},
	{"race", send_late, meet_race},
	{"half_unread", say_hello, half_closed_then_reset},
	{"half_written", say_hello, written_to_half_closed},
	{"forget", say_hello, write_soon},
	{"forget_idle", say_hello, write_late},
	{"forge", say_hello, read_reset},
	{"forge_twice", say_hello, read_reset},
	{"filter", say_hello, write_filtered},
	{"filter_abort", say_hello, write_dropped},
	{"answer", say_hello, leave_in_order},
	{"silence_user_timeout", say_hello, send_with_user_timeout},
	{"silence_keepalive", say_hello, keep_alive},
	{"silence", say_hello, send_into_silence},
	{"icmp", say_hello, send_into_silence},
};

static const struct course *find_course(const char *variant)
{
	for (size_t i = 0; i < sizeof(courses) / sizeof(courses[0]); i++)
		if (strcmp(courses[i].variant, variant) == 0)
			return &courses[i];
	return NULL;
}

/* --- how the connection comes about --- */

/* The peer's host dials: the victim is the server. */
static int be_dialled(struct story *story)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t size = sizeof(address);
	int listener = new_socket();

	if (bind(listener, (struct sockaddr *)&address, size) < 0 || listen(listener, 1) < 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &size) < 0)
		die("listen");
	ask("prepare", story->options.variant, ntohs(address.sin_port));
	int fd = accept(listener, NULL, NULL);

	if (fd < 0)
		die("accept");
	close(listener);
	return fd;
}

static int be_connected(struct story *story)
{
	uint16_t port = (uint16_t)ask("prepare", story->options.variant, 0);
	int fd = new_socket();

	if (dial(fd, port) < 0)
		die("connect to the peer");
	return fd;
}

/* The peer's host dials a port where nobody listens. */
static void be_knocked_at(struct story *story)
{
	struct sockaddr_storage address;
	socklen_t size = sizeof(address);
	int holder = new_socket();

	if (getsockname(control, (struct sockaddr *)&address, &size) < 0)
		die("own address");
	((struct sockaddr_in *)&address)->sin_port = 0;
	if (bind(holder, (struct sockaddr *)&address, size) < 0 ||
	    getsockname(holder, (struct sockaddr *)&address, &size) < 0)
		die("bind");
	address_format(&address, story->local);
	ask("prepare", story->options.variant, ntohs(((struct sockaddr_in *)&address)->sin_port));
	let_peer_act();
}

/* Variants without a course are those whose connect() fails. */
static void fail_to_connect(struct story *story)
{
	uint16_t port = (uint16_t)ask("prepare", story->options.variant, 0);
	int fd = new_socket();

	snprintf(story->remote, sizeof(story->remote), "%s:%u", story->options.host, port);
	set_number(fd, IPPROTO_TCP, TCP_SYNCNT, 1);
	if (dial(fd, port) == 0)
		die("connect succeeded");
	note_error(story, errno, "connect", fd, 0);
}

static void victim(struct story *story)
{
	const struct course *course = find_course(story->options.variant);

	if (inet_pton(AF_INET, story->options.host, &peer_host) != 1)
		die("--host wants an IPv4 address");
	sigpipe_prepare(story);
	control = new_socket();
	if (dial(control, CONTROL_PORT) < 0)
		die("connect to the control port");
	if (is_variant(story, "origin_syn")) {
		be_knocked_at(story);
	} else if (course == NULL) {
		fail_to_connect(story);
	} else {
		int fd = is_variant(story, "dial") ? be_dialled(story) : be_connected(story);

		endpoint_names(story, fd);
		course->before(story, fd);
		let_peer_act();
		course->after(story, fd);
	}
	if (strncmp(story->options.variant, "origin_", strlen("origin_")) == 0)
		story->reset_seq = ask("reset", "-", 0);
	sigpipe_finish(story);
}

int main(int argc, char **argv)
{
	return story_play(story_new("remote", argc, argv, "scrvh"), NULL, victim);
}
