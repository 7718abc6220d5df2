/* What comes between two ends: segments that are lost, a connection forgotten, a RST that neither has sent. */
#include "provoke.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

enum { HEADERS_SIZE = 60, SEGMENT_SIZE = 20 };

static void attach(int fd, struct sock_filter *code, unsigned short size)
{
	struct sock_fprog program = {.len = size, .filter = code};

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0)
		die("SO_ATTACH_FILTER");
}

void deafen(int fd)
{
	struct sock_filter drop = BPF_STMT(BPF_RET | BPF_K, 0);

	attach(fd, &drop, 1);
}

void drop_payload(int fd)
{
	/* Load the length; beyond the limit drop, else pass. */
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, HEADERS_SIZE, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
	};

	attach(fd, code, sizeof(code) / sizeof(code[0]));
}

/* A socket closed under repair is gone without a FIN or RST: as after a reboot. */
void forget_silently(int fd)
{
	set_number(fd, IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_ON);
	close(fd);
}

static uint32_t next_sequence(int fd)
{
	uint32_t sequence;
	socklen_t size = sizeof(sequence);

	set_number(fd, IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_ON);
	set_number(fd, IPPROTO_TCP, TCP_REPAIR_QUEUE, TCP_SEND_QUEUE);
	if (getsockopt(fd, IPPROTO_TCP, TCP_QUEUE_SEQ, &sequence, &size) < 0)
		die("TCP_QUEUE_SEQ");
	set_number(fd, IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_OFF_NO_WP);
	return sequence;
}

static uint32_t add_up(const void *data, size_t size)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < size; i += 2) {
		uint16_t word;

		memcpy(&word, (const char *)data + i, sizeof(word));
		sum += word;
	}
	return sum;
}

static uint16_t checksum(const struct sockaddr_in *from, const struct sockaddr_in *to,
			 const struct tcphdr *segment)
{
	struct {
		struct in_addr from, to;
		uint16_t protocol, size;
	} pseudo = {from->sin_addr, to->sin_addr, htons(IPPROTO_TCP), htons(SEGMENT_SIZE)};
	uint32_t sum = add_up(&pseudo, sizeof(pseudo)) + add_up(segment, SEGMENT_SIZE);

	sum = (sum >> 16) + (sum & 0xffff);
	return (uint16_t) ~(sum + (sum >> 16));
}

void forge_reset(int fd, uint32_t ahead, int ttl)
{
	struct sockaddr_in own, other;
	socklen_t size = sizeof(own);
	struct tcphdr segment = {.doff = SEGMENT_SIZE / 4, .rst = 1};
	int raw = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_TCP);

	if (raw < 0 || setsockopt(raw, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl)) < 0)
		die("raw socket");
	if (getsockname(fd, (struct sockaddr *)&own, &size) < 0 ||
	    getpeername(fd, (struct sockaddr *)&other, &size) < 0)
		die("names of the socket");
	segment.source = own.sin_port;
	segment.dest = other.sin_port;
	segment.seq = htonl(next_sequence(fd) + ahead);
	segment.check = checksum(&own, &other, &segment);
	other.sin_port = 0;
	if (sendto(raw, &segment, SEGMENT_SIZE, 0, (struct sockaddr *)&other, sizeof(other)) != SEGMENT_SIZE)
		die("forged segment");
	close(raw);
}
