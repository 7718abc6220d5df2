/* A TCP connection between victim and peer, and the conditions that a story waits for. */
#include "provoke.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

void address_fill(const struct story *story, bool of_victim, uint16_t port, struct sockaddr_storage *address,
		  socklen_t *size)
{
	uint32_t ipv4 = INADDR_LOOPBACK;

	if (story->options.netns)
		ipv4 = of_victim ? VETH_VICTIM_ADDRESS : VETH_PEER_ADDRESS;
	memset(address, 0, sizeof(*address));
	if (story->options.address == ADDRESS_IPV4) {
		struct sockaddr_in *in = (struct sockaddr_in *)address;

		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		in->sin_addr.s_addr = htonl(ipv4);
		*size = sizeof(*in);
		return;
	}
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)address;

	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	*size = sizeof(*in6);
	if (story->options.address == ADDRESS_IPV6) {
		in6->sin6_addr = in6addr_loopback;
	} else {
		uint32_t network_order = htonl(ipv4);

		in6->sin6_addr.s6_addr[10] = in6->sin6_addr.s6_addr[11] = 0xff;
		memcpy(&in6->sin6_addr.s6_addr[12], &network_order, sizeof(network_order));
	}
}

void address_format(const struct sockaddr_storage *address, char out[ADDRESS_SIZE])
{
	char host[INET6_ADDRSTRLEN];
	uint16_t port;

	if (address->ss_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)address;

		inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
		port = ntohs(in->sin_port);
		snprintf(out, ADDRESS_SIZE, "%s:%u", host, port);
	} else {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;

		inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
		port = ntohs(in6->sin6_port);
		snprintf(out, ADDRESS_SIZE, "[%s]:%u", host, port);
	}
	if (port == 0)
		out[0] = '\0';
}

void endpoint_names(struct story *story, int fd)
{
	struct sockaddr_storage address;
	socklen_t size = sizeof(address);

	if (getsockname(fd, (struct sockaddr *)&address, &size) == 0)
		address_format(&address, story->local);
	size = sizeof(address);
	if (getpeername(fd, (struct sockaddr *)&address, &size) == 0)
		address_format(&address, story->remote);
}

uint16_t remote_port(int fd)
{
	struct sockaddr_storage address;
	socklen_t size = sizeof(address);

	if (getpeername(fd, (struct sockaddr *)&address, &size) < 0)
		die("getpeername");
	/* It sits at the same place in both kinds of address. */
	return ntohs(((struct sockaddr_in *)&address)->sin_port);
}

int stream_socket(const struct story *story, int family, bool is_victim)
{
	bool mptcp = story->options.mptcp || (story->options.fallback && is_victim);

	return socket(family, SOCK_STREAM | SOCK_CLOEXEC, mptcp ? IPPROTO_MPTCP : IPPROTO_TCP);
}

int listen_one(struct story *story, bool is_victim)
{
	struct sockaddr_storage address;
	socklen_t size;
	int listener;

	address_fill(story, is_victim, 0, &address, &size);
	listener = stream_socket(story, address.ss_family, is_victim);
	if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) < 0 || listen(listener, 1) < 0)
		die("listen");
	size = sizeof(address);
	getsockname(listener, (struct sockaddr *)&address, &size);
	/* Port and address family sit at the same place in both kinds of address. */
	story->port = ntohs(((struct sockaddr_in *)&address)->sin_port);
	return listener;
}

static int accept_one(struct story *story, bool is_victim)
{
	int listener = listen_one(story, is_victim);
	int fd;

	pass(story, STEP_LISTENING);
	fd = accept(listener, NULL, NULL);
	if (fd < 0)
		die("accept");
	close(listener);
	return fd;
}

static int connect_one(struct story *story, bool is_victim)
{
	struct sockaddr_storage address;
	socklen_t size;
	int fd;

	await(story, STEP_LISTENING);
	address_fill(story, !is_victim, story->port, &address, &size);
	fd = stream_socket(story, address.ss_family, is_victim);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, size) < 0)
		die("connect");
	return fd;
}

void peer_enter_namespace(struct story *story)
{
	if (unshare(CLONE_NEWNET) < 0)
		die("unshare");
	pass(story, STEP_PEER_UP);
	await(story, STEP_LINK_UP);
	veth_configure(false);
}

int pair_join(struct story *story, bool is_victim)
{
	int fd;

	if (story->options.netns && !is_victim)
		peer_enter_namespace(story);
	if (is_victim == story->options.victim_accepts)
		fd = accept_one(story, is_victim);
	else
		fd = connect_one(story, is_victim);
	if (is_victim)
		endpoint_names(story, fd);
	return fd;
}

void read_exactly(int fd, size_t size)
{
	char data[4096];

	while (size > 0) {
		ssize_t got = read(fd, data, size < sizeof(data) ? size : sizeof(data));

		if (got <= 0)
			die("read_exactly");
		size -= (size_t)got;
	}
}

static int tcp_state(int fd)
{
	struct tcp_info info;
	socklen_t size = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) < 0)
		die("TCP_INFO");
	return info.tcpi_state;
}

static void wait_event(int fd, short events, int state)
{
	struct pollfd wait = {.fd = fd, .events = events};
	int ready;

	do {
		ready = poll(&wait, 1, -1);
	} while (ready < 0 && errno == EINTR);
	if (ready != 1)
		die("poll");
	/* tcp_fin() announces the shutdown before it changes the state; alarm() bounds the wait. */
	while (tcp_state(fd) != state)
		sched_yield();
}

void wait_fin(int fd)
{
	wait_event(fd, POLLRDHUP, TCP_CLOSE_WAIT);
}

/* Without a requested event poll reports the error and hang-up alone, and takes neither away. */
void wait_reset(int fd)
{
	wait_event(fd, 0, TCP_CLOSE);
}

/* The FIN of an end that nobody holds any more is acknowledged: it waits on, or in TIME_WAIT. The alarm bounds it. */
void wait_close_acknowledged(uint16_t local_port)
{
	char line[256];
	unsigned port, state;
	bool waiting = true;

	while (waiting) {
		FILE *table = fopen("/proc/net/tcp", "re");

		if (table == NULL)
			die("/proc/net/tcp");
		waiting = false;
		while (fgets(line, sizeof(line), table) != NULL)
			if (sscanf(line, "%*d: %*8x:%4x %*8x:%*4x %2x", &port, &state) == 2 && port == local_port)
				waiting |= state == TCP_FIN_WAIT1;
		fclose(table);
	}
}

long wait_unread(int fd, long size)
{
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	int low_water = (int)size;
	int unread = 0;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &low_water, sizeof(low_water)) < 0)
		die("SO_RCVLOWAT");
	if (poll(&wait, 1, -1) != 1 || ioctl(fd, FIONREAD, &unread) < 0)
		die("FIONREAD");
	return unread;
}

void close_abortively(int fd)
{
	struct linger at_once = {.l_onoff = 1, .l_linger = 0};

	if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)) < 0)
		die("SO_LINGER");
	close(fd);
}

void set_number(int fd, int level, int option, int value)
{
	if (setsockopt(fd, level, option, &value, sizeof(value)) < 0)
		die("socket option %d (is this root?)", option);
}

void settle(int fd, bool begins)
{
	enum { ROUNDS = 20 };

	for (int i = 0; i < 2 * ROUNDS; i++) {
		if ((i % 2 == 0) != begins)
			read_exactly(fd, 1);
		else if (write(fd, "x", 1) != 1)
			die("settle");
	}
}
