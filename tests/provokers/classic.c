/*
 * The classic broken pipe: the peer reads and ends, the victim pauses, sends once more
 * (which draws the RST), and sends again: EPIPE. Variants: how the peer ends (close,
 * exit, shutdown; shutdown_told: it reads and writes afterwards, and is told errors of its own),
 * and `eof`: after the RST the victim only reads (end of file) and leaves.
 */
#include "provoke.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* Data that came after the shutdown ended the connection at this end too, by no RST. */
static void use_after_shutdown(int fd)
{
	char data[16];

	wait_reset(fd);
	if (read(fd, data, sizeof(data)) >= 0 || errno != ECONNRESET)
		die("no ECONNRESET after the shutdown");
	signal(SIGPIPE, SIG_IGN);
	if (send(fd, data, sizeof(data), 0) >= 0 || errno != EPIPE)
		die("no EPIPE after the shutdown");
}

static void peer(struct story *story)
{
	int fd = pair_join(story, false);

	read_exactly(fd, 5);
	if (is_variant(story, "exit"))
		_exit(0);
	if (is_variant(story, "shutdown") || is_variant(story, "shutdown_told"))
		shutdown(fd, SHUT_RDWR);
	else
		close(fd);
	if (is_variant(story, "shutdown_told"))
		use_after_shutdown(fd);
	await(story, STEP_END);
}

static void victim(struct story *story)
{
	int fd = pair_join(story, true);
	char data[16];

	sigpipe_prepare(story);
	int64_t first_us = now_us();

	if (call_out(story, fd, "hello", 5) != 5)
		die("first send");
	wait_fin(fd);
	int64_t fin_us = now_us();

	pause_briefly();
	story->idle_min_us = now_us() - fin_us;
	if (call_out(story, fd, "again", 5) != 5)
		die("second send");
	story->idle_max_us = now_us() - first_us;
	wait_reset(fd);
	if (is_variant(story, "eof")) {
		if (call_recv(story, fd, data, sizeof(data)) != 0)
			die("no end of file");
		return;
	}
	send_in_vain(story, fd, story->options.repeat + 1);
	sigpipe_finish(story);
}

int main(int argc, char **argv)
{
	return story_play(story_new("classic", argc, argv, "sc6mnarvF"), peer, victim);
}
