/*
 * Nothing goes wrong here, though it looks like it: an orderly connection, a full buffer
 * (EAGAIN), SIGPIPE sent by kill() and by raise(), a half-close that both sides honour. Variant `late`, of MPTCP: the
 * peer closes, and what is sent to it afterwards is taken without a word.
 */
#include "provoke.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

static void peer(struct story *story)
{
	int fd = pair_join(story, false);

	if (is_variant(story, "late")) {
		read_exactly(fd, 5);
		close(fd);
		await(story, STEP_END);
		return;
	}
	await(story, STEP_SENT);
	char data[4096];

	while (read(fd, data, sizeof(data)) > 0)
		;
	close(fd);
	await(story, STEP_END);
}

/* An MPTCP socket's end has no FIN of TCP's: its subflows stay, and the peer's kernel takes what comes. */
static void send_after_close(struct story *story, int fd)
{
	struct pollfd wait = {.fd = fd, .events = POLLRDHUP};
	char data[16];

	if (call_out(story, fd, "hello", 5) != 5 || poll(&wait, 1, -1) != 1 || (wait.revents & (POLLERR | POLLHUP)))
		die("no orderly end of the peer's");
	for (int i = 0; i < 3; i++)
		if (call_out(story, fd, "again", 5) != 5)
			die("send after the peer's close");
	if (call_recv(story, fd, data, sizeof(data)) != 0)
		die("no end of file");
	close(fd);
}

static void victim(struct story *story)
{
	static char data[1 << 16];
	int fd = pair_join(story, true);

	if (is_variant(story, "late")) {
		send_after_close(story, fd);
		return;
	}
	story->options.sigpipe = SIGPIPE_HANDLER;
	sigpipe_prepare(story);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	while (send(fd, data, sizeof(data), 0) > 0)
		;
	if (errno != EAGAIN)
		die("no EAGAIN");
	pass(story, STEP_SENT);
	kill(getpid(), SIGPIPE);
	raise(SIGPIPE);
	if (story->handled != 2)
		die("the two signals did not come");
	story->handled = 0; /* sent by the program itself, by no dead end */
	shutdown(fd, SHUT_WR);
	fcntl(fd, F_SETFL, 0);
	if (read(fd, data, 1) != 0)
		die("no orderly end");
	close(fd);
}

int main(int argc, char **argv)
{
	return story_play(story_new("innocent", argc, argv, "6mavM"), peer, victim);
}
