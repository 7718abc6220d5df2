/* Ethernet, ARP, IPv4 and TCP headers by hand. */
#include "standin.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/if_ether.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { FRAME_SIZE = 2048, FIRST_SEQ = 1000, WINDOW = 8192, HOPS = 64, ASK_AGAIN_MS = 100 };

struct segment {
	struct ether_header ethernet;
	struct iphdr ip;
	struct tcphdr tcp;
	unsigned char data[256];
} __attribute__((packed));

static uint32_t sum_words(uint32_t sum, const void *data, size_t size)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < size; i++)
		sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
	return sum;
}

static uint16_t folded(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

static void send_frame(const struct standin *standin, const void *frame, size_t size)
{
	if (write(standin->fd, frame, size) != (ssize_t)size)
		die("packet socket");
}

static void send_arp(const struct standin *standin, uint16_t operation, const unsigned char *to)
{
	struct {
		struct ether_header ethernet;
		struct ether_arp arp;
	} __attribute__((packed)) frame = {.ethernet.ether_type = htons(ETHERTYPE_ARP)};
	uint32_t own = htonl(VETH_PEER_ADDRESS), other = htonl(VETH_VICTIM_ADDRESS);

	memcpy(frame.ethernet.ether_dhost, to, MAC_SIZE);
	memcpy(frame.ethernet.ether_shost, standin->mac, MAC_SIZE);
	frame.arp.arp_hrd = htons(ARPHRD_ETHER);
	frame.arp.arp_pro = htons(ETHERTYPE_IP);
	frame.arp.arp_hln = MAC_SIZE;
	frame.arp.arp_pln = sizeof(own);
	frame.arp.arp_op = htons(operation);
	memcpy(frame.arp.arp_sha, standin->mac, MAC_SIZE);
	memcpy(frame.arp.arp_spa, &own, sizeof(own));
	memcpy(frame.arp.arp_tha, to, MAC_SIZE);
	memcpy(frame.arp.arp_tpa, &other, sizeof(other));
	send_frame(standin, &frame, sizeof(frame));
}

/* The next frame of that type; what the kernel there asks by ARP is answered on the way. False: none came in the
 * socket's time, if it has one. */
static bool receive(struct standin *standin, uint16_t type, unsigned char frame[FRAME_SIZE])
{
	const struct ether_header *ethernet = (const struct ether_header *)frame;
	const struct ether_arp *arp = (const struct ether_arp *)(frame + sizeof(*ethernet));

	for (;;) {
		memset(frame, 0, FRAME_SIZE);
		if (read(standin->fd, frame, FRAME_SIZE) < 0) {
			if (errno == EAGAIN)
				return false;
			die("packet socket");
		}
		if (memcmp(ethernet->ether_shost, standin->mac, MAC_SIZE) == 0)
			continue;
		if (ethernet->ether_type == htons(ETHERTYPE_ARP) && arp->arp_op == htons(ARPOP_REQUEST))
			send_arp(standin, ARPOP_REPLY, ethernet->ether_shost);
		else if (ethernet->ether_type == htons(type))
			return true;
	}
}

static void open_link(struct standin *standin, unsigned index)
{
	struct sockaddr_ll link = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)index};
	struct ifreq request = {0};

	standin->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
	if (standin->fd < 0 || bind(standin->fd, (struct sockaddr *)&link, sizeof(link)) < 0)
		die("packet socket");
	if (if_indextoname(index, request.ifr_name) == NULL || ioctl(standin->fd, SIOCGIFHWADDR, &request) < 0)
		die("hardware address");
	memcpy(standin->mac, request.ifr_hwaddr.sa_data, MAC_SIZE);
}

static void set_receive_time(const struct standin *standin, long milliseconds)
{
	struct timeval time = {.tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000};

	if (setsockopt(standin->fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time)) < 0)
		die("SO_RCVTIMEO");
}

void standin_open(struct story *story, struct standin *standin)
{
	static const unsigned char everybody[MAC_SIZE] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	unsigned char frame[FRAME_SIZE];

	*standin = (struct standin){.seq = FIRST_SEQ};
	if (unshare(CLONE_NEWNET) < 0)
		die("unshare");
	pass(story, STEP_PEER_UP);
	await(story, STEP_LINK_UP);
	open_link(standin, veth_raise(false));
	/* A link that has just been raised may drop what it is given first. */
	set_receive_time(standin, ASK_AGAIN_MS);
	do
		send_arp(standin, ARPOP_REQUEST, everybody);
	while (!receive(standin, ETHERTYPE_ARP, frame));
	set_receive_time(standin, 0);
	memcpy(standin->other_mac, ((struct ether_header *)frame)->ether_shost, MAC_SIZE);
}

void standin_send(struct standin *standin, unsigned flags, const void *data, size_t size)
{
	struct segment out = {.ethernet.ether_type = htons(ETHERTYPE_IP)};
	size_t tcp_size = sizeof(out.tcp) + size;

	if (size > sizeof(out.data))
		die("segment too long");
	memcpy(out.ethernet.ether_dhost, standin->other_mac, MAC_SIZE);
	memcpy(out.ethernet.ether_shost, standin->mac, MAC_SIZE);
	out.ip = (struct iphdr){.version = 4, .ihl = 5, .ttl = HOPS, .protocol = IPPROTO_TCP};
	out.ip.tot_len = htons((uint16_t)(sizeof(out.ip) + tcp_size));
	out.ip.saddr = htonl(VETH_PEER_ADDRESS);
	out.ip.daddr = htonl(VETH_VICTIM_ADDRESS);
	out.ip.check = folded(sum_words(0, &out.ip, sizeof(out.ip)));
	out.tcp.source = htons(STANDIN_PORT);
	out.tcp.dest = htons(standin->other_port);
	out.tcp.seq = htonl(standin->seq);
	out.tcp.ack_seq = flags & FLAG_ACK ? htonl(standin->ack) : 0;
	out.tcp.doff = sizeof(out.tcp) / 4;
	out.tcp.window = htons(WINDOW);
	((unsigned char *)&out.tcp)[13] = (unsigned char)flags;
	memcpy(out.data, data, size);
	uint32_t sum = sum_words(IPPROTO_TCP + (uint32_t)tcp_size, &out.ip.saddr, 2 * sizeof(out.ip.saddr));

	out.tcp.check = folded(sum_words(sum, &out.tcp, tcp_size));
	send_frame(standin, &out, sizeof(out) - sizeof(out.data) + size);
	standin->seq += (uint32_t)size + !!(flags & FLAG_SYN) + !!(flags & FLAG_FIN);
}

void standin_expect(struct standin *standin, unsigned flags)
{
	unsigned char frame[FRAME_SIZE];
	const struct segment *in = (const struct segment *)frame;
	unsigned came;

	do {
		receive(standin, ETHERTYPE_IP, frame);
		came = in->ip.protocol == IPPROTO_TCP ? ((const unsigned char *)&in->tcp)[13] : 0;
		if (came & FLAG_SYN)
			standin->other_port = ntohs(in->tcp.source);
		if (came & (FLAG_SYN | FLAG_FIN))
			standin->ack = ntohl(in->tcp.seq) + 1;
	} while ((came & flags) != flags);
	standin->expected_seq = ntohl(in->tcp.seq);
}

void standin_accept(struct standin *standin)
{
	standin_expect(standin, FLAG_SYN);
	standin_send(standin, FLAG_SYN | FLAG_ACK, "", 0);
	standin_expect(standin, FLAG_ACK);
}

void standin_dial(struct standin *standin, uint16_t port)
{
	standin->other_port = port;
	standin_send(standin, FLAG_SYN, "", 0);
	standin_expect(standin, FLAG_SYN | FLAG_ACK);
	standin_send(standin, FLAG_ACK, "", 0);
}
