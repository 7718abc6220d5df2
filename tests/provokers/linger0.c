/*
 * The peer ends the connection by a RST on purpose. Variants: `linger0` (SO_LINGER 0 and
 * close), `disconnect` (connect to AF_UNSPEC), `empty` (linger0 before any byte was sent,
 * as health checks do), `unnoticed` (linger0, and the victim only closes), `asked` (the victim
 * asks for SO_ERROR, as who waits in poll() does), `blocked` (in the middle of a send that waits for room). With
 * --late the victim looks only seconds after the RST, and by a send.
 */
#include "provoke.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { BLOCKED_BYTES = 16 << 20, LATE_SECONDS = 2 };

static void peer(struct story *story)
{
	int fd = pair_join(story, false);

	if (is_variant(story, "empty"))
		await(story, STEP_JOINED);
	else
		read_exactly(fd, 5);
	if (is_variant(story, "blocked"))
		wait_unread(fd, 1);
	if (is_variant(story, "disconnect")) {
		struct sockaddr nobody = {.sa_family = AF_UNSPEC};

		if (connect(fd, &nobody, sizeof(nobody)) < 0)
			die("disconnect");
	} else {
		close_abortively(fd);
	}
	await(story, STEP_END);
}

/* More than both hosts' buffers take: it cannot have returned when the peer sees the first of it. */
static void send_too_much(struct story *story, int fd)
{
	char *data = calloc(1, BLOCKED_BYTES);
	ssize_t sent;

	sigpipe_prepare(story);
	if (data == NULL)
		die("memory");
	sent = call_out(story, fd, data, BLOCKED_BYTES);
	if (sent <= 0 || sent >= BLOCKED_BYTES)
		die("the send was not cut short: %zd", sent);
	story->expects_epipe_signal = false; /* short for want of room, which raises no signal */
	send_in_vain(story, fd, 2);
	sigpipe_finish(story);
}

static void look_late(struct story *story, int fd)
{
	struct timespec length = {.tv_sec = LATE_SECONDS};

	nanosleep(&length, NULL);
	sigpipe_prepare(story);
	send_in_vain(story, fd, 2);
	sigpipe_finish(story);
}

static void victim(struct story *story)
{
	int fd = pair_join(story, true);
	char data[16];

	if (is_variant(story, "empty"))
		pass(story, STEP_JOINED);
	else if (write(fd, "hello", 5) != 5)
		die("write");
	if (is_variant(story, "blocked")) {
		send_too_much(story, fd);
		return;
	}
	wait_reset(fd);
	if (story->options.late) {
		look_late(story, fd);
	} else if (!is_variant(story, "unnoticed")) {
		if (is_variant(story, "asked"))
			ask_error(story, fd);
		else if (call_recv(story, fd, data, sizeof(data)) >= 0)
			die("no error for recv");
		sigpipe_prepare(story);
		send_in_vain(story, fd, story->options.repeat);
		sigpipe_finish(story);
	}
	close(fd);
}

int main(int argc, char **argv)
{
	struct story *story = story_new("linger0", argc, argv, "sc6mnarvdMFl");

	if (story->options.variant[0] == '\0')
		story->options.variant = "linger0";
	return story_play(story, peer, victim);
}
