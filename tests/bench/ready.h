/* How the benchmarks' own loaders say that they are attached, and wait for their end. */
#ifndef READY_H
#define READY_H

#include <signal.h>
#include <stdio.h>

/* Before anything is loaded: SIGINT and SIGTERM are to wait for announce_and_wait(). */
static inline sigset_t block_ending_signals(void)
{
	sigset_t ending;

	sigemptyset(&ending);
	sigaddset(&ending, SIGINT);
	sigaddset(&ending, SIGTERM);
	sigprocmask(SIG_BLOCK, &ending, NULL);
	return ending;
}

static inline void announce_and_wait(const sigset_t *ending)
{
	int received;

	fputs("ready\n", stderr);
	sigwait(ending, &received);
}

#endif
