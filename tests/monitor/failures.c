/*
 * Failures by the hundred, and what its victims themselves were told, as one line of JSON.
 *
 *   failures KIND FATE COUNT REPEATS
 *
 * KIND: late (a send after the peer's close), unread, linger (ECONNRESET, which a receive meets), refused, pipe,
 * unix. FATE, of the SIGPIPE: killed, handled, blocked, ignored, suppressed (MSG_NOSIGNAL); none for the errors that
 * raise none. COUNT victims, one after another, each a process called KIND-FATE, whose peer is a process of its
 * own; each fails REPEATS times on its end. Bounded by alarm().
 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BOUND_SECONDS = 60, ERRNOS = 256 };

static const char *kind, *fate;
static long repeats;
static long *told; /* by errno; shared with the victims, of whom some are killed */

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fprintf(stderr, "failures: ");
	vfprintf(stderr, format, arguments);
	fprintf(stderr, ": %s\n", strerror(errno));
	exit(1);
}

static bool is(const char *text, const char *name) { return strcmp(text, name) == 0; }

static void await(int fd, short events)
{
	struct pollfd wait = {.fd = fd, .events = events};

	if (poll(&wait, 1, -1) != 1)
		die("poll");
}

static void note(long result, int expected)
{
	if (result >= 0 || errno != expected)
		die("%s %s: a call that must fail gave %ld", kind, fate, result);
	told[errno]++;
}

static void handle(int number) { (void)number; }

static void prepare_fate(void)
{
	sigset_t sigpipe;

	signal(SIGPIPE, is(fate, "ignored") ? SIG_IGN : is(fate, "handled") ? handle : SIG_DFL);
	sigemptyset(&sigpipe);
	sigaddset(&sigpipe, SIGPIPE);
	if (is(fate, "blocked"))
		sigprocmask(SIG_BLOCK, &sigpipe, NULL);
}

/* On an end that is known to be dead. */
static void write_in_vain(int fd, bool is_socket)
{
	prepare_fate();
	for (long i = 0; i < repeats; i++) {
		if (is(fate, "killed"))
			told[EPIPE]++; /* it will not come back */
		long result = is_socket && is(fate, "suppressed") ? send(fd, "again", 5, MSG_NOSIGNAL) : write(fd, "again", 5);

		if (is(fate, "killed"))
			die("SIGPIPE did not kill");
		note(result, EPIPE);
	}
}

static int listen_here(struct sockaddr_in *address, bool listens)
{
	socklen_t size = sizeof(*address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	memset(address, 0, sizeof(*address));
	address->sin_family = AF_INET;
	address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)address, size) < 0 || (listens && listen(fd, 1) < 0))
		die("listen");
	getsockname(fd, (struct sockaddr *)address, &size);
	return fd;
}

static pid_t start(const char *name, void (*role)(int), int fd, int not_its)
{
	pid_t child = fork();

	if (child < 0)
		die("fork");
	if (child > 0)
		return child;
	alarm(BOUND_SECONDS);
	prctl(PR_SET_NAME, name);
	if (not_its >= 0)
		close(not_its);
	role(fd);
	_exit(0);
}

/* The peer of a connection: takes five bytes, and goes as the kind wants it. */
static void tcp_peer(int listener)
{
	struct linger at_once = {1, 0};
	int fd = accept(listener, NULL, NULL);
	char byte[8];

	if (fd < 0)
		die("accept");
	await(fd, POLLIN);
	if (!is(kind, "unread") && read(fd, byte, sizeof(byte)) != 5)
		die("read");
	if (is(kind, "linger"))
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(fd);
}

static struct sockaddr_in peer_address;

static void tcp_victim(int holder)
{
	char byte[8];
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int result = connect(fd, (struct sockaddr *)&peer_address, sizeof(peer_address));

	(void)holder;
	if (is(kind, "refused")) {
		note(result, ECONNREFUSED);
		return;
	}
	if (result < 0 || write(fd, "hello", 5) != 5)
		die("connect");
	if (is(kind, "late")) {
		await(fd, POLLRDHUP);
		if (write(fd, "again", 5) != 5)
			die("first write after the end");
		await(fd, POLLERR);
		write_in_vain(fd, true);
	} else {
		await(fd, POLLERR);
		note(recv(fd, byte, sizeof(byte), 0), ECONNRESET);
	}
}

/* Of a pipe or a unix socket: holds its end until the other has something to say, and exits. */
static void end_holder(int fd)
{
	await(fd, POLLIN);
	char byte[8];

	if (read(fd, byte, sizeof(byte)) < 0)
		die("read");
}

static void end_victim(int fd)
{
	if (write(fd, "hello", 5) != 5)
		die("first write");
	await(fd, is(kind, "pipe") ? POLLERR : POLLHUP);
	write_in_vain(fd, is(kind, "unix"));
}

static void reap(pid_t child, bool is_victim)
{
	int status;

	if (waitpid(child, &status, 0) != child)
		die("waitpid");
	if (is_victim && is(fate, "killed")) {
		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGPIPE)
			die("the victim was not killed by SIGPIPE but ended with %x", status);
	} else if (status != 0) {
		die("a role ended with %x", status);
	}
}

static void fail_on_tcp(const char *name)
{
	int listener = listen_here(&peer_address, !is(kind, "refused"));
	pid_t peer = is(kind, "refused") ? 0 : start("failures-peer", tcp_peer, listener, -1);
	pid_t victim = start(name, tcp_victim, -1, listener);

	close(listener);
	reap(victim, true);
	if (peer != 0)
		reap(peer, false);
}

static void fail_between_processes(const char *name)
{
	int ends[2]; /* as pipe() orders them: the victim writes to the second */

	if ((is(kind, "pipe") ? pipe(ends) : socketpair(AF_UNIX, SOCK_STREAM, 0, ends)) < 0)
		die("%s", kind);
	pid_t peer = start("failures-peer", end_holder, ends[0], ends[1]);
	pid_t victim = start(name, end_victim, ends[1], ends[0]);

	close(ends[0]);
	close(ends[1]);
	reap(victim, true);
	reap(peer, false);
}

int main(int argc, char **argv)
{
	char name[16];

	if (argc != 5) {
		fprintf(stderr, "usage: failures KIND FATE COUNT REPEATS\n");
		return 2;
	}
	kind = argv[1];
	fate = argv[2];
	repeats = strtol(argv[4], NULL, 10);
	told = mmap(NULL, ERRNOS * sizeof(*told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (told == MAP_FAILED)
		die("mmap");
	snprintf(name, sizeof(name), "%s-%s", kind, fate);
	for (long left = strtol(argv[3], NULL, 10); left > 0; left--)
		(is(kind, "pipe") || is(kind, "unix") ? fail_between_processes : fail_on_tcp)(name);
	printf("{\"name\": \"%s\", \"EPIPE\": %ld, \"ECONNRESET\": %ld, \"ECONNREFUSED\": %ld}\n", name, told[EPIPE],
	       told[ECONNRESET], told[ECONNREFUSED]);
	return 0;
}
