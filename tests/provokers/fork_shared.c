/*
 * One socket, two processes: the child of the one that connected fails on it. Variant
 * `shutdown`: the child shuts the sending side down, and the parent is the one that fails.
 */
#include "provoke.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int shared;

static bool is_shutdown(const struct story *story)
{
	return strcmp(story->options.variant, "shutdown") == 0;
}

static void peer(struct story *story)
{
	int fd = pair_join(story, false);

	read_exactly(fd, 5);
	if (is_shutdown(story)) {
		await(story, STEP_END);
		return;
	}
	close(fd);
	await(story, STEP_END);
}

static void child(struct story *story)
{
	if (is_shutdown(story)) {
		if (shutdown(shared, SHUT_WR) < 0)
			die("shutdown");
		return;
	}
	sigpipe_prepare(story);
	wait_fin(shared);
	if (call_out(story, shared, "again", 5) != 5)
		die("second send");
	wait_reset(shared);
	if (call_out(story, shared, "third", 5) >= 0)
		die("send to a dead socket succeeded");
	sigpipe_finish(story);
}

static void owner(struct story *story)
{
	static struct actor helper;
	int status;

	shared = pair_join(story, true);
	if (write(shared, "hello", 5) != 5)
		die("first send");
	sigpipe_prepare(story);
	pid_t pid = role_start(story, child, is_shutdown(story) ? &helper : &story->victim, "sharer");

	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		die("child ended with status 0x%x", status);
	if (is_shutdown(story)) {
		if (call_out(story, shared, "again", 5) >= 0)
			die("send after shutdown succeeded");
		sigpipe_finish(story);
	}
}

int main(int argc, char **argv)
{
	struct story *story = story_new("fork_shared", argc, argv, "sc6v");

	if (story->options.sigpipe == SIGPIPE_DEFAULT)
		story->options.sigpipe = SIGPIPE_IGNORE; /* both processes have to tell their part */
	return story_play(story, peer, owner);
}
