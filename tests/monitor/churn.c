/* A host that is never still, for the soak: processes are forked, replaced and end, connections are opened and
 * closed all the time, and a known share fails. It counts what its own calls returned.
 *
 * usage: churn NAME CONNECTIONS SECONDS RESET_EVERY
 *        churn worker NAME FD RESET_EVERY NUMBER   (itself, by fork and exec)
 *        churn nothing                             (likewise)
 *
 * CONNECTIONS over loopback, spread over SECONDS, in workers of 50; every RESET_EVERYth is closed by its server
 * with data unread, so that its client's receive is told ECONNRESET. Every fourth worker also writes to a pipe
 * and to a unix socket whose other end it has closed. Workers are named NAME. Each second, and at the end, a line
 * of JSON on stdout: connections, resets, pipes, unix sockets, processes so far. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PER_WORKER = 50, WORKERS_MAX = 4, NOTHINGS_PER_WORKER = 2, MESSAGE = 16 };

struct counts {
	long connections;
	long resets;
	long pipes;
	long unix_sockets;
};

static void fail(const char *what)
{
	fprintf(stderr, "churn: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static int listen_on_loopback(struct sockaddr_in *address)
{
	socklen_t size = sizeof(*address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (listener < 0 || bind(listener, (struct sockaddr *)address, size) != 0 || listen(listener, 16) != 0 ||
	    getsockname(listener, (struct sockaddr *)address, &size) != 0)
		fail("listen");
	return listener;
}

static void pass_message(int from, int to)
{
	char message[MESSAGE] = "something to say";

	if (send(from, message, sizeof(message), 0) != MESSAGE || recv(to, message, sizeof(message), MSG_WAITALL) != MESSAGE)
		fail("a healthy message");
}

static void connect_once(int listener, const struct sockaddr_in *address, bool is_reset, struct counts *counts)
{
	char byte;
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int server;

	if (client < 0 || connect(client, (const struct sockaddr *)address, sizeof(*address)) != 0)
		fail("connect");
	server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (server < 0)
		fail("accept");
	pass_message(client, server);
	if (is_reset) {
		if (send(client, "unread", 6, 0) != 6)
			fail("send");
		close(server);
		if (recv(client, &byte, 1, 0) >= 0 || errno != ECONNRESET)
			fail("a receive that should meet a reset");
		counts->resets++;
		close(client);
	} else {
		pass_message(server, client);
		close(client);
		if (recv(server, &byte, 1, 0) != 0)
			fail("the end of a healthy connection");
		close(server);
	}
	counts->connections++;
}

static void write_in_vain(const int ends[2], long *count)
{
	close(ends[0]);
	if (write(ends[1], "x", 1) >= 0 || errno != EPIPE)
		fail("a write that should meet nobody");
	close(ends[1]);
	++*count;
}

static int work(const char *name, int report, long reset_every, long number)
{
	struct counts counts = {0};
	struct sockaddr_in address;
	int listener, ends[2];

	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_NAME, name);
	listener = listen_on_loopback(&address);
	for (long i = 0; i < PER_WORKER; i++)
		connect_once(listener, &address, (number * PER_WORKER + i) % reset_every == 0, &counts);
	if (number % 4 == 0) {
		if (pipe(ends) != 0)
			fail("pipe");
		write_in_vain(ends, &counts.pipes);
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
			fail("socketpair");
		write_in_vain(ends, &counts.unix_sockets);
	}
	if (write(report, &counts, sizeof(counts)) != sizeof(counts))
		fail("report");
	return 0;
}

static void start(char *const arguments[])
{
	pid_t child = fork();

	if (child < 0)
		fail("fork");
	if (child == 0) {
		execv("/proc/self/exe", arguments);
		_exit(127);
	}
}

static void start_worker(const char *name, int report, const char *reset_every, long number)
{
	char fd[16], which[24];
	char *worker[] = {"churn", "worker", (char *)name, fd, (char *)reset_every, which, NULL};
	char *nothing[] = {"churn", "nothing", NULL};

	snprintf(fd, sizeof(fd), "%d", report);
	snprintf(which, sizeof(which), "%ld", number);
	start(worker);
	for (int i = 0; i < NOTHINGS_PER_WORKER; i++)
		start(nothing);
}

static void print(const struct counts *all, long processes)
{
	printf("{\"connections\": %ld, \"resets\": %ld, \"pipes\": %ld, \"unix_sockets\": %ld, \"processes\": %ld}\n",
	       all->connections, all->resets, all->pipes, all->unix_sockets, processes);
	fflush(stdout);
}

/* Ends those that have ended; how many are left. */
static long reap(long running)
{
	int status;

	while (running > 0 && waitpid(-1, &status, WNOHANG) > 0) {
		if (status != 0) {
			fprintf(stderr, "churn: a process ended with status %d\n", status);
			exit(1);
		}
		running--;
	}
	return running;
}

static void take_reports(int report, struct counts *all, int milliseconds)
{
	struct pollfd readable = {.fd = report, .events = POLLIN};

	while (poll(&readable, 1, milliseconds) > 0) {
		struct counts one;

		if (read(report, &one, sizeof(one)) != sizeof(one))
			fail("a worker's report");
		all->connections += one.connections;
		all->resets += one.resets;
		all->pipes += one.pipes;
		all->unix_sockets += one.unix_sockets;
		milliseconds = 0;
	}
}

static int drive(const char *name, long connections, double seconds, const char *reset_every)
{
	long workers = connections / PER_WORKER, started = 0, running = 0;
	struct counts all = {0};
	double begin = now(), told = begin;
	int report[2];

	if (pipe(report) != 0)
		fail("pipe");
	while (started < workers || running > 0) {
		const double due = begin + seconds * (double)started / (double)workers;

		running = reap(running);
		if (started < workers && now() >= due && running < WORKERS_MAX * (1 + NOTHINGS_PER_WORKER)) {
			start_worker(name, report[1], reset_every, started++);
			running += 1 + NOTHINGS_PER_WORKER;
		} else {
			take_reports(report[0], &all, 2);
		}
		if (now() >= told + 1) {
			told = now();
			print(&all, started * (1 + NOTHINGS_PER_WORKER));
		}
	}
	take_reports(report[0], &all, 0);
	print(&all, started * (1 + NOTHINGS_PER_WORKER));
	return all.connections == workers * PER_WORKER ? 0 : 1;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "nothing") == 0)
		return 0;
	if (argc == 6 && strcmp(argv[1], "worker") == 0)
		return work(argv[2], atoi(argv[3]), atol(argv[4]), atol(argv[5]));
	if (argc != 5 || atol(argv[2]) < PER_WORKER || atol(argv[4]) < 1) {
		fprintf(stderr, "usage: churn NAME CONNECTIONS SECONDS RESET_EVERY\n");
		return 2;
	}
	return drive(argv[1], atol(argv[2]), atof(argv[3]), argv[4]);
}
