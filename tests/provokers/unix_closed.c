/*
 * The other end of a unix socket goes, with --bytes of the victim's lying unread there (0: it has read
 * all). Variants: `close`, `exit`, `killed` (SIGKILL), `shutdown` (of its receiving side), `listener`
 * (closed before it accepted), `unaccepted` (SIGKILL before it accepted), `blocked` (close, while the
 * victim stands in a send because nothing is read). With --reads the victim reads before it sends. --hold:
 * what comes before the trace, up to the peer's end (`open`) or with it (`gone`).
 */
#include "provoke.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool ends_process(const struct story *story)
{
	return is_variant(story, "exit") || is_variant(story, "killed") || is_variant(story, "unaccepted");
}

static void leave(struct story *story, int fd)
{
	if (is_variant(story, "exit"))
		_exit(0);
	if (is_variant(story, "killed") || is_variant(story, "unaccepted"))
		kill(getpid(), SIGKILL);
	if (!is_variant(story, "shutdown"))
		close(fd);
	else if (shutdown(fd, SHUT_RD) < 0)
		die("shutdown");
	pass(story, STEP_CLOSED);
	await(story, STEP_END);
}

static void peer(struct story *story)
{
	int fd = unix_join(story, false);

	await(story, STEP_SENT);
	if (is_variant(story, "blocked"))
		await_asleep(story->victim.pid);
	else if (!unix_never_accepts(story) && story->options.bytes == 0)
		read_exactly(fd, 5);
	if (is_hold(story, "open"))
		await(story, STEP_CLOSE);
	leave(story, fd);
}

/* Until the next send would have to wait. */
static void fill(struct story *story, int fd)
{
	static char data[4096];
	ssize_t sent;

	story->unread = 0;
	while ((sent = send(fd, data, sizeof(data), MSG_DONTWAIT)) > 0)
		story->unread += sent;
	if (errno != EAGAIN)
		die("fill");
}

static void first_send(struct story *story, int fd)
{
	long bytes = story->options.bytes > 0 ? story->options.bytes : 5;
	char *data = calloc(1, (size_t)bytes);

	if (is_variant(story, "blocked")) {
		fill(story, fd);
		return;
	}
	if (data == NULL || write(fd, data, (size_t)bytes) != bytes)
		die("first write");
	story->unread = story->options.bytes;
}

static void await_gone(struct story *story)
{
	if (is_hold(story, "open")) {
		hold_here(story);
		pass(story, STEP_CLOSE);
	}
	if (ends_process(story))
		await_end_of(story->peer.pid);
	else
		await(story, STEP_CLOSED);
	if (is_hold(story, "gone"))
		hold_here(story);
}

static void victim(struct story *story)
{
	int fd = unix_join(story, true);
	char data[16];

	sigpipe_prepare(story);
	if (!unix_never_accepts(story) || story->options.bytes > 0)
		first_send(story, fd);
	pass(story, STEP_SENT);
	if (is_variant(story, "blocked"))
		send_in_vain(story, fd, 1);
	await_gone(story);
	if (story->options.reads && call_recv(story, fd, data, sizeof(data)) >= 0)
		die("no error for recv");
	send_in_vain(story, fd, story->options.repeat);
	sigpipe_finish(story);
	if (story->options.type != SOCK_STREAM)
		story->expects_epipe_signal = false;
}

int main(int argc, char **argv)
{
	struct story *story = story_new("unix_closed", argc, argv, "scarNvtpRH");

	unix_prepare(story);
	return story_play(story, peer, victim);
}
