/*
 * A third process, `destroyer`, ends the victim's connection from outside, as `ss -K` does. The victim waits in
 * recv; with --late it looks only afterwards, by a send. Variants: `connecting` (its connect() has no answer yet),
 * `told` (the peer, which is sent a RST, reads it).
 */
#include "provoke.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <string.h>
#include <unistd.h>

#include <sys/mman.h>

struct ends {
	struct sockaddr_in local;
	struct sockaddr_in remote;
};
static struct ends *ends; /* of the victim's socket, shared with the destroyer */

static int destroy_once(int diag)
{
	struct {
		struct nlmsghdr header;
		struct inet_diag_req_v2 body;
	} request = {
		.header = {.nlmsg_len = sizeof(request),
			   .nlmsg_type = SOCK_DESTROY,
			   .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
		.body = {.sdiag_family = AF_INET,
			 .sdiag_protocol = IPPROTO_TCP,
			 .idiag_states = ~0u,
			 .id = {.idiag_sport = ends->local.sin_port,
				.idiag_dport = ends->remote.sin_port,
				.idiag_src = {ends->local.sin_addr.s_addr},
				.idiag_dst = {ends->remote.sin_addr.s_addr},
				.idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}}},
	};
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		char rest[256];
	} answer;

	if (send(diag, &request, sizeof(request), 0) < 0)
		die("SOCK_DESTROY");
	if (recv(diag, &answer, sizeof(answer), 0) < (ssize_t)(NLMSG_HDRLEN + sizeof(int)) ||
	    answer.header.nlmsg_type != NLMSG_ERROR)
		die("SOCK_DESTROY: no answer");
	return -answer.error.error;
}

static void destroyer(struct story *story)
{
	int diag = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	int error;

	if (diag < 0)
		die("NETLINK_SOCK_DIAG");
	await(story, STEP_SENT);
	/* A connecting socket is found once its SYN is under way; alarm() bounds the wait. */
	do {
		error = destroy_once(diag);
	} while (error == ENOENT);
	errno = error;
	if (error != 0)
		die("SOCK_DESTROY (is tcp_diag there?)");
	pass(story, STEP_CLOSED);
}

static void peer(struct story *story)
{
	char data[16];

	if (is_variant(story, "connecting")) {
		deafen(listen_one(story, false));
		pass(story, STEP_LISTENING);
	} else {
		int fd = pair_join(story, false);

		pass(story, STEP_JOINED);
		read_exactly(fd, 5);
		if (is_variant(story, "told")) {
			wait_reset(fd);
			if (read(fd, data, sizeof(data)) >= 0 || errno != ECONNRESET)
				die("the peer read no reset");
		}
	}
	await(story, STEP_END);
}

static void connect_in_vain(struct story *story)
{
	socklen_t size = sizeof(ends->local);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	await(story, STEP_LISTENING);
	ends->local = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	ends->remote = ends->local;
	ends->remote.sin_port = htons(story->port);
	if (fd < 0 || bind(fd, (struct sockaddr *)&ends->local, size) < 0 ||
	    getsockname(fd, (struct sockaddr *)&ends->local, &size) < 0)
		die("bind");
	endpoint_names(story, fd);
	address_format((const struct sockaddr_storage *)&ends->remote, story->remote);
	pass(story, STEP_SENT);
	if (connect(fd, (struct sockaddr *)&ends->remote, sizeof(ends->remote)) == 0)
		die("connect succeeded");
	note_error(story, errno, "connect", fd, 0);
}

static void lose_connection(struct story *story)
{
	socklen_t size = sizeof(ends->local);
	char data[16];
	int fd = pair_join(story, true);

	if (getsockname(fd, (struct sockaddr *)&ends->local, &size) < 0 ||
	    getpeername(fd, (struct sockaddr *)&ends->remote, &size) < 0)
		die("names");
	if (write(fd, "hello", 5) != 5)
		die("write");
	await(story, STEP_JOINED); /* the peer's connect() has returned */
	pass(story, STEP_SENT);
	if (story->options.late) {
		await(story, STEP_CLOSED);
		send_in_vain(story, fd, 1);
	} else if (call_recv(story, fd, data, sizeof(data)) >= 0) {
		die("no error for recv");
	}
	send_in_vain(story, fd, story->options.repeat);
}

static void victim(struct story *story)
{
	static struct actor helper;

	role_start(story, destroyer, &helper, "destroyer"); /* before there is a socket that it would share */
	sigpipe_prepare(story);
	if (is_variant(story, "connecting"))
		connect_in_vain(story);
	else
		lose_connection(story);
	sigpipe_finish(story);
}

int main(int argc, char **argv)
{
	ends = mmap(NULL, sizeof(*ends), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (ends == MAP_FAILED)
		die("mmap");
	return story_play(story_new("destroyed", argc, argv, "scrvla"), peer, victim);
}
