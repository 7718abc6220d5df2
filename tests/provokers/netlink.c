/* Netlink messages put together by hand, sent to the kernel, their answer read. */
#include "netlink.h"

#include "provoke.h"

#include <string.h>
#include <unistd.h>

void request_begin(struct request *request)
{
	memset(request, 0, sizeof(*request));
}

static char *end_of(struct request *request)
{
	return (char *)request->header + NLMSG_ALIGN(request->header->nlmsg_len);
}

static void demand_room(const struct request *request, const char *at, size_t size)
{
	if (at + size > request->bytes + sizeof(request->bytes))
		die("netlink request too long");
}

void message_start(struct request *request, uint16_t type, uint16_t flags)
{
	char *at = request->header ? end_of(request) : request->bytes;

	demand_room(request, at, NLMSG_HDRLEN);
	request->header = (struct nlmsghdr *)at;
	request->header->nlmsg_len = NLMSG_HDRLEN;
	request->header->nlmsg_type = type;
	request->header->nlmsg_flags = NLM_F_REQUEST | flags;
}

void *message_grow(struct request *request, size_t size)
{
	char *at = end_of(request);

	demand_room(request, at, size);
	request->header->nlmsg_len = (uint32_t)(at + size - (char *)request->header);
	return at;
}

struct rtattr *attribute_add(struct request *request, unsigned short type, const void *data, size_t size)
{
	struct rtattr *attribute = message_grow(request, RTA_LENGTH(size));

	attribute->rta_type = type;
	attribute->rta_len = (unsigned short)RTA_LENGTH(size);
	if (size > 0)
		memcpy(RTA_DATA(attribute), data, size);
	return attribute;
}

struct rtattr *nest_open(struct request *request, unsigned short type)
{
	return attribute_add(request, type, NULL, 0);
}

void nest_close(struct request *request, struct rtattr *nest)
{
	nest->rta_len = (unsigned short)((char *)request->header + request->header->nlmsg_len - (char *)nest);
}

void request_send(struct request *request, int family, const char *what)
{
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		char rest[1024];
	} answer;
	size_t size = (size_t)(end_of(request) - request->bytes);
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, family);

	if (fd < 0 || send(fd, request->bytes, size, 0) < 0)
		die("netlink");
	if (recv(fd, &answer, sizeof(answer), 0) < (ssize_t)(NLMSG_HDRLEN + sizeof(int)))
		die("netlink answer");
	if (answer.header.nlmsg_type != NLMSG_ERROR || answer.error.error != 0)
		die("%s: kernel answers %d (is its module there, and this root?)", what, answer.error.error);
	close(fd);
}
