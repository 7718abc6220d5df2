/* A veth pair by netlink alone: the virtual machines' busybox has no `ip link add type veth`. */
#include "provoke.h"

#include <arpa/inet.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

#define VICTIM_LINK "ptveth0"
#define PEER_LINK "ptveth1"

struct request {
	struct nlmsghdr header;
	char body[512];
};

static void *grow(struct request *request, size_t size)
{
	void *at = (char *)request + NLMSG_ALIGN(request->header.nlmsg_len);

	request->header.nlmsg_len = NLMSG_ALIGN(request->header.nlmsg_len) + (uint32_t)size;
	if (request->header.nlmsg_len > sizeof(*request))
		die("netlink request too long");
	return at;
}

static struct rtattr *add(struct request *request, unsigned short type, const void *data, size_t size)
{
	struct rtattr *attribute = grow(request, RTA_LENGTH(size));

	attribute->rta_type = type;
	attribute->rta_len = (unsigned short)RTA_LENGTH(size);
	if (size > 0)
		memcpy(RTA_DATA(attribute), data, size);
	return attribute;
}

static void close_nest(struct request *request, struct rtattr *nest)
{
	nest->rta_len = (unsigned short)((char *)request + request->header.nlmsg_len - (char *)nest);
}

static void start(struct request *request, uint16_t type, uint16_t flags)
{
	memset(request, 0, sizeof(*request));
	request->header.nlmsg_len = NLMSG_HDRLEN;
	request->header.nlmsg_type = type;
	request->header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
}

static void transact(struct request *request, const char *what)
{
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		char rest[1024];
	} answer;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0 || send(fd, request, request->header.nlmsg_len, 0) < 0)
		die("netlink");
	if (recv(fd, &answer, sizeof(answer), 0) < (ssize_t)(NLMSG_HDRLEN + sizeof(int)))
		die("netlink answer");
	if (answer.header.nlmsg_type != NLMSG_ERROR || answer.error.error != 0)
		die("%s: kernel answers %d (is the veth module there, and this root?)", what, answer.error.error);
	close(fd);
}

void veth_create(pid_t peer)
{
	struct request request;
	struct ifinfomsg *link;
	uint32_t peer_pid = (uint32_t)peer;

	start(&request, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
	grow(&request, sizeof(*link));
	add(&request, IFLA_IFNAME, VICTIM_LINK, sizeof(VICTIM_LINK));
	struct rtattr *info = add(&request, IFLA_LINKINFO, NULL, 0);

	add(&request, IFLA_INFO_KIND, "veth", sizeof("veth"));
	struct rtattr *data = add(&request, IFLA_INFO_DATA, NULL, 0);
	struct rtattr *other = add(&request, VETH_INFO_PEER, NULL, 0);

	grow(&request, sizeof(*link));
	add(&request, IFLA_IFNAME, PEER_LINK, sizeof(PEER_LINK));
	add(&request, IFLA_NET_NS_PID, &peer_pid, sizeof(peer_pid));
	close_nest(&request, other);
	close_nest(&request, data);
	close_nest(&request, info);
	transact(&request, "create veth pair");
}

void veth_configure(bool of_victim)
{
	uint32_t address = htonl(of_victim ? VETH_VICTIM_ADDRESS : VETH_PEER_ADDRESS);
	unsigned index = if_nametoindex(of_victim ? VICTIM_LINK : PEER_LINK);
	struct request request;

	if (index == 0)
		die("veth link not found");
	start(&request, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
	struct ifaddrmsg *own = grow(&request, sizeof(*own));

	*own = (struct ifaddrmsg){.ifa_family = AF_INET, .ifa_prefixlen = 24, .ifa_index = index};
	add(&request, IFA_LOCAL, &address, sizeof(address));
	add(&request, IFA_ADDRESS, &address, sizeof(address));
	transact(&request, "veth address");

	start(&request, RTM_NEWLINK, 0);
	struct ifinfomsg *link = grow(&request, sizeof(*link));

	*link = (struct ifinfomsg){.ifi_index = (int)index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	transact(&request, "veth up");
}
