/*
 * One socket, two processes: the child of the one that connected fails on it. Variant
 * `shutdown`: the child shuts the sending side down, and the parent is the one that fails.
 */
#include "provoke.h"

#include <sys/wait.h>
#include <unistd.h>

static int shared;

static void peer(struct story *story)
{
	int fd = pair_join(story, false);

	read_exactly(fd, 5);
	if (is_variant(story, "shutdown")) {
		await(story, STEP_END);
		return;
	}
	close(fd);
	await(story, STEP_END);
}

static void child(struct story *story)
{
	if (is_variant(story, "shutdown")) {
		if (shutdown(shared, SHUT_WR) < 0)
			die("shutdown");
		return;
	}
	sigpipe_prepare(story);
	write_into_dead_end(story, shared, 1);
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
	pid_t pid = role_start(story, child, is_variant(story, "shutdown") ? &helper : &story->victim, "sharer");

	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		die("child ended with status 0x%x", status);
	if (is_variant(story, "shutdown")) {
		send_in_vain(story, shared, 1);
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
