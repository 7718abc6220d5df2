/* A veth pair by netlink alone: the virtual machines' busybox has no `ip link add type veth`. */
#include "netlink.h"
#include "provoke.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#define PEER_LINK "ptveth1"

void veth_create(pid_t peer)
{
	struct request request;
	struct ifinfomsg *link;
	uint32_t peer_pid = (uint32_t)peer;

	request_begin(&request);
	message_start(&request, RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
	message_grow(&request, sizeof(*link));
	attribute_add(&request, IFLA_IFNAME, VETH_VICTIM_LINK, sizeof(VETH_VICTIM_LINK));
	struct rtattr *info = nest_open(&request, IFLA_LINKINFO);

	attribute_add(&request, IFLA_INFO_KIND, "veth", sizeof("veth"));
	struct rtattr *data = nest_open(&request, IFLA_INFO_DATA);
	struct rtattr *other = nest_open(&request, VETH_INFO_PEER);

	message_grow(&request, sizeof(*link));
	attribute_add(&request, IFLA_IFNAME, PEER_LINK, sizeof(PEER_LINK));
	attribute_add(&request, IFLA_NET_NS_PID, &peer_pid, sizeof(peer_pid));
	nest_close(&request, other);
	nest_close(&request, data);
	nest_close(&request, info);
	request_send(&request, NETLINK_ROUTE, "create veth pair");
}

static void link_up(unsigned index)
{
	struct request request;

	if (index == 0)
		die("network link not found");
	request_begin(&request);
	message_start(&request, RTM_NEWLINK, NLM_F_ACK);
	struct ifinfomsg *link = message_grow(&request, sizeof(*link));

	*link = (struct ifinfomsg){.ifi_index = (int)index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	request_send(&request, NETLINK_ROUTE, "link up");
}

void netns_of_its_own(void)
{
	if (unshare(CLONE_NEWNET) < 0)
		die("unshare");
	link_up(if_nametoindex("lo"));
}

static unsigned link_of(bool of_victim)
{
	return if_nametoindex(of_victim ? VETH_VICTIM_LINK : PEER_LINK);
}

unsigned veth_raise(bool of_victim)
{
	unsigned index = link_of(of_victim);

	link_up(index);
	return index;
}

void veth_configure(bool of_victim)
{
	uint32_t address = htonl(of_victim ? VETH_VICTIM_ADDRESS : VETH_PEER_ADDRESS);
	unsigned index = link_of(of_victim);
	struct request request;

	request_begin(&request);
	message_start(&request, RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
	struct ifaddrmsg *own = message_grow(&request, sizeof(*own));

	*own = (struct ifaddrmsg){.ifa_family = AF_INET, .ifa_prefixlen = 24, .ifa_index = index};
	attribute_add(&request, IFA_LOCAL, &address, sizeof(address));
	attribute_add(&request, IFA_ADDRESS, &address, sizeof(address));
	request_send(&request, NETLINK_ROUTE, "veth address");
	link_up(index);
}

void loopback_up(void)
{
	link_up(if_nametoindex("lo"));
}

void veth_route_by_peer(void)
{
	uint32_t gateway = htonl(VETH_PEER_ADDRESS);
	struct request request;

	request_begin(&request);
	message_start(&request, RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
	struct rtmsg *route = message_grow(&request, sizeof(*route));

	*route = (struct rtmsg){.rtm_family = AF_INET,
				.rtm_table = RT_TABLE_MAIN,
				.rtm_protocol = RTPROT_STATIC,
				.rtm_scope = RT_SCOPE_UNIVERSE,
				.rtm_type = RTN_UNICAST};
	attribute_add(&request, RTA_GATEWAY, &gateway, sizeof(gateway));
	request_send(&request, NETLINK_ROUTE, "default route");
}

bool set_namespace_number(const char *name, int value)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/%s", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (dprintf(fd, "%d\n", value) < 0)
		die("%s", path);
	close(fd);
	return true;
}
