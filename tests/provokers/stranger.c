/*
 * This host sends the RST, to a peer that no socket here is known of. The victim's role is the
 * sender's. Variants: `unread` (closed with bytes unread), `linger0`, `disconnect`, `listener`
 * (closed before it accepted), `late` and `gone` (data for a connection that it had closed, first
 * or last), `syn` and `stray` (no socket at all).
 */
#include "standin.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What both do; the stand-in ends with the RST that it waits for. */
struct course {
	const char *variant;
	void (*stand_in)(struct story *story, struct standin *standin);
	void (*send_reset)(struct story *story);
};

static struct sockaddr_in address_of(uint32_t host, uint16_t port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(host)};
}

/* --- the stand-in --- */

static void accept_only(struct story *story, struct standin *standin)
{
	(void)story;
	standin_accept(standin);
}

static void accept_and_send(struct story *story, struct standin *standin)
{
	char data[64] = {0};

	standin_accept(standin);
	standin_send(standin, FLAG_PSH | FLAG_ACK, data, (size_t)story->options.bytes);
}

static void send_after_fin(struct standin *standin)
{
	standin_expect(standin, FLAG_FIN);
	standin_send(standin, FLAG_ACK, "", 0);
	pause_briefly();
	standin_send(standin, FLAG_PSH | FLAG_ACK, "again", 5);
}

static void send_late(struct story *story, struct standin *standin)
{
	(void)story;
	standin_accept(standin);
	send_after_fin(standin);
}

static void close_first_and_send(struct story *story, struct standin *standin)
{
	(void)story;
	standin_accept(standin);
	standin_send(standin, FLAG_FIN | FLAG_ACK, "", 0);
	send_after_fin(standin);
}

static void dial_listener(struct story *story, struct standin *standin)
{
	await(story, STEP_LISTENING);
	standin_dial(standin, story->port);
}

static void knock(struct story *story, struct standin *standin)
{
	await(story, STEP_LISTENING);
	standin->other_port = story->port;
	standin_send(standin, FLAG_SYN, "", 0);
}

static void send_stray(struct story *story, struct standin *standin)
{
	await(story, STEP_LISTENING);
	standin->other_port = story->port;
	standin_send(standin, FLAG_PSH | FLAG_ACK, "stray", 5);
}

/* --- who sends the RST --- */

static int new_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket");
	return fd;
}

static int connect_out(struct story *story)
{
	struct sockaddr_in address = address_of(VETH_PEER_ADDRESS, STANDIN_PORT);
	int fd = new_socket();

	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		die("connect to the stand-in");
	endpoint_names(story, fd);
	return fd;
}

static void close_unread(struct story *story)
{
	int fd = connect_out(story);

	story->unread = wait_unread(fd, story->options.bytes);
	close(fd);
}

static void close_with_linger(struct story *story)
{
	close_abortively(connect_out(story));
}

static void disconnect(struct story *story)
{
	struct sockaddr nobody = {.sa_family = AF_UNSPEC};

	if (connect(connect_out(story), &nobody, sizeof(nobody)) < 0)
		die("disconnect");
}

static void close_in_order(struct story *story)
{
	close(connect_out(story));
}

static void close_last(struct story *story)
{
	int fd = connect_out(story);

	wait_fin(fd);
	close(fd);
}

/* A port that nobody else can take. */
static int hold_port(struct story *story, bool listens)
{
	struct sockaddr_in address = address_of(VETH_VICTIM_ADDRESS, 0);
	socklen_t size = sizeof(address);
	int fd = new_socket();

	if (bind(fd, (struct sockaddr *)&address, size) < 0 || (listens && listen(fd, 1) < 0) ||
	    getsockname(fd, (struct sockaddr *)&address, &size) < 0)
		die("bind");
	story->port = ntohs(address.sin_port);
	address_format((struct sockaddr_storage *)&address, story->local);
	address = address_of(VETH_PEER_ADDRESS, STANDIN_PORT);
	address_format((struct sockaddr_storage *)&address, story->remote);
	pass(story, STEP_LISTENING);
	return fd;
}

static void close_listener(struct story *story)
{
	int fd = hold_port(story, true);

	if (poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, -1) != 1)
		die("nobody dialled");
	close(fd);
}

static void hold_deaf_port(struct story *story)
{
	hold_port(story, false);
}

static const struct course courses[] = {
	{"unread", accept_and_send, close_unread},
	{"linger0", accept_only, close_with_linger},
	{"disconnect", accept_only, disconnect},
	{"listener", dial_listener, close_listener},
	{"late", send_late, close_in_order},
	{"gone", close_first_and_send, close_last},
	{"syn", knock, hold_deaf_port},
	{"stray", send_stray, hold_deaf_port},
};

static const struct course *course_of(const struct story *story)
{
	for (size_t i = 0; i < sizeof(courses) / sizeof(courses[0]); i++)
		if (is_variant(story, courses[i].variant))
			return &courses[i];
	die("unknown variant");
}

static void peer(struct story *story)
{
	struct standin standin;

	standin_open(story, &standin);
	pass(story, STEP_JOINED);
	course_of(story)->stand_in(story, &standin);
	standin_expect(&standin, FLAG_RST);
	story->reset_seq = standin.expected_seq;
	pass(story, STEP_CLOSED);
	await(story, STEP_END);
}

static void victim(struct story *story)
{
	await(story, STEP_JOINED);
	course_of(story)->send_reset(story);
	await(story, STEP_CLOSED);
}

int main(int argc, char **argv)
{
	struct story *story = story_new("stranger", argc, argv, "vN");

	story->options.netns = true;
	return story_play(story, peer, victim);
}
