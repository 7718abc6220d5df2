/* Netlink messages put together by hand: the virtual machines have neither ip(8) for veth nor nft(8). */
#ifndef NETLINK_H
#define NETLINK_H

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <stdint.h>

/* One or more messages; `header` is that of the last one, which is being built. */
struct request {
	struct nlmsghdr *header;
	_Alignas(NLMSG_ALIGNTO) char bytes[2048];
};

void request_begin(struct request *request);
void message_start(struct request *request, uint16_t type, uint16_t flags);
void *message_grow(struct request *request, size_t size);
struct rtattr *attribute_add(struct request *request, unsigned short type, const void *data, size_t size);
struct rtattr *nest_open(struct request *request, unsigned short type);
void nest_close(struct request *request, struct rtattr *nest);
/* Sends all messages and reads one answer, which must say that nothing failed. */
void request_send(struct request *request, int family, const char *what);

#endif
