/*
 * The network says by ICMP that the peer cannot be reached. Variants in which connect() fails: `host`, `net`,
 * `port`, `protocol` (the peer's host answers the SYN so), `route` (a router that knows no way to the address),
 * `neighbour` (nobody on the link has the address). Of a connection: `soft` (ICMP answers each segment, which
 * makes the error of the timeout that follows), `told` (the socket asked for such errors at once, by IP_RECVERR).
 */
#include "provoke.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum { PACKET_SIZE = 2048, QUOTED_AFTER_HEADER = 8 };

static const struct {
	const char *variant;
	uint8_t code;
} codes[] = {{"host", ICMP_HOST_UNREACH},     {"net", ICMP_NET_UNREACH},   {"port", ICMP_PORT_UNREACH},
	     {"protocol", ICMP_PROT_UNREACH}, {"soft", ICMP_HOST_UNREACH}, {"told", ICMP_PROT_UNREACH}};

static uint8_t code_of(const struct story *story)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (is_variant(story, codes[i].variant))
			return codes[i].code;
	die("unknown variant %s", story->options.variant);
}

static uint16_t checksum(const uint8_t *data, size_t size)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < size; i += 2)
		sum += (uint32_t)data[i] << 8 | data[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* Answer each segment to the port; the victim's end is what ends it (a role is killed with its parent, and
 * bounded by its alarm). */
static void answer_by_icmp(struct story *story)
{
	int segments = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_TCP);
	int errors = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
	struct pollfd waits[] = {{.fd = segments, .events = POLLIN},
				 {.fd = story->baton[STEP_END], .events = POLLIN}};
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(VETH_VICTIM_ADDRESS)};
	uint8_t code = code_of(story);

	if (segments < 0 || errors < 0)
		die("raw sockets");
	pass(story, STEP_CLOSED);
	while (poll(waits, 2, -1) > 0 && waits[1].revents == 0) {
		uint8_t packet[PACKET_SIZE], answer[PACKET_SIZE] = {ICMP_DEST_UNREACH, code};
		ssize_t size = recv(segments, packet, sizeof(packet), 0);
		size_t header = size > 0 ? (packet[0] & 15u) * 4 : 0;
		size_t quoted = header + QUOTED_AFTER_HEADER;

		if (size < (ssize_t)quoted || (packet[header + 2] << 8 | packet[header + 3]) != story->port)
			continue;
		memcpy(answer + 8, packet, quoted);
		uint16_t sum = htons(checksum(answer, 8 + quoted));

		memcpy(answer + 2, &sum, sizeof(sum));
		if (sendto(errors, answer, 8 + quoted, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
			die("send ICMP");
	}
}

static bool is_connected_first(const struct story *story)
{
	return is_variant(story, "soft") || is_variant(story, "told");
}

static bool is_of_address(const struct story *story)
{
	return is_variant(story, "route") || is_variant(story, "neighbour");
}

static void peer(struct story *story)
{
	if (is_of_address(story)) {
		peer_enter_namespace(story);
		set_namespace_number("ip_forward", 1);
		pass(story, STEP_CLOSED);
		await(story, STEP_END);
	} else if (is_connected_first(story)) {
		int fd = pair_join(story, false);

		settle(fd, false);
		read_exactly(fd, 5);
		deafen(fd);
		answer_by_icmp(story);
	} else {
		peer_enter_namespace(story);
		deafen(listen_one(story, false));
		answer_by_icmp(story);
	}
}

static void destination(struct story *story, struct sockaddr_storage *address, socklen_t *size)
{
	struct sockaddr_in *in = (struct sockaddr_in *)address;

	address_fill(story, false, is_of_address(story) ? 80 : story->port, address, size);
	if (is_variant(story, "route")) {
		veth_route_by_peer();
		in->sin_addr.s_addr = htonl(BEHIND_PEER_ADDRESS);
	} else if (is_variant(story, "neighbour")) {
		loopback_up(); /* the ICMP error is the host's own, to itself */
		set_namespace_number("neigh/" VETH_VICTIM_LINK "/mcast_solicit", 1);
		set_namespace_number("neigh/" VETH_VICTIM_LINK "/retrans_time_ms", 200);
		in->sin_addr.s_addr = htonl(VETH_NOBODY_ADDRESS);
	}
	address_format(address, story->remote);
}

static void connect_in_vain(struct story *story)
{
	struct sockaddr_storage address;
	socklen_t size;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	await(story, STEP_CLOSED);
	destination(story, &address, &size);
	if (fd < 0 || (story->options.nonblock && fcntl(fd, F_SETFL, O_NONBLOCK) < 0))
		die("socket");
	if (connect(fd, (struct sockaddr *)&address, size) == 0)
		die("connect succeeded");
	if (!story->options.nonblock) {
		note_error(story, errno, "connect", fd, 0);
		return;
	}
	wait_reset(fd);
	ask_error(story, fd);
	send_in_vain(story, fd, story->options.repeat);
}

static void fail_once_connected(struct story *story)
{
	int fd = pair_join(story, true);
	char data[16];

	settle(fd, true);
	if (is_variant(story, "told"))
		set_number(fd, IPPROTO_IP, IP_RECVERR, 1);
	if (call_out(story, fd, "hello", 5) != 5)
		die("first send");
	await(story, STEP_CLOSED);
	if (call_out(story, fd, "again", 5) != 5)
		die("second send");
	if (call_recv(story, fd, data, sizeof(data)) >= 0)
		die("no error for recv");
	if (is_variant(story, "soft"))
		send_in_vain(story, fd, story->options.repeat);
}

static void victim(struct story *story)
{
	if (!set_namespace_number("tcp_retries2", 1))
		die("tcp_retries2");
	sigpipe_prepare(story);
	if (is_connected_first(story))
		fail_once_connected(story);
	else
		connect_in_vain(story);
	sigpipe_finish(story);
}

int main(int argc, char **argv)
{
	struct story *story = story_new("unreachable", argc, argv, "scbrv");

	story->options.netns = true;
	return story_play(story, peer, victim);
}
