/*
 * A TCP end played by hand over a packet socket on the peer's side of the veth pair: to the
 * kernel it is a host of its own, of which no socket is known. One connection, a few segments.
 */
#ifndef STANDIN_H
#define STANDIN_H

#include "provoke.h"

enum { STANDIN_PORT = 5001, MAC_SIZE = 6 };

enum tcp_flag { FLAG_FIN = 1, FLAG_SYN = 2, FLAG_RST = 4, FLAG_PSH = 8, FLAG_ACK = 16 };

struct standin {
	int fd;
	unsigned char mac[MAC_SIZE];
	unsigned char other_mac[MAC_SIZE];
	uint16_t other_port;
	uint32_t seq; /* of the next byte to send */
	uint32_t ack; /* of the next byte to come */
	uint32_t expected_seq; /* of the segment that was expected last */
};

/* In the peer's role, which moves to a network namespace of its own: joins the victim's. */
void standin_open(struct story *story, struct standin *standin);
/* The handshake, from either side. */
void standin_accept(struct standin *standin);
void standin_dial(struct standin *standin, uint16_t port);
void standin_send(struct standin *standin, unsigned flags, const void *data, size_t size);
/* The next segment that has all of these flags; others are passed over. */
void standin_expect(struct standin *standin, unsigned flags);

#endif
