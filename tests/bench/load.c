/* Work for the benchmarks: each load does one thing as fast as it can and counts what it met itself.
 *
 * usage: load LOAD [--threads N] [--seconds S] [--count N] [--cpu FIRST]
 *
 * It ends after S seconds, or after about N operations over all threads, whichever comes first; --cpu pins
 * thread i to processor FIRST + i. One JSON line on stdout tells operations, seconds, processor time and
 * the failures that its calls returned. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define THREADS_MAX 64

struct worker {
	pthread_t thread;
	int processor; /* -1: wherever */
	long operations_max; /* 0: no limit */
	long operations;
	long connection_resets; /* calls that failed with ECONNRESET */
	long broken_pipes; /* with EPIPE */
};

struct load {
	const char *name;
	const char *operation; /* what one operation is */
	void (*run)(struct worker *worker);
};

static atomic_bool time_is_up;

static void fail(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static bool goes_on(const struct worker *worker)
{
	return !atomic_load_explicit(&time_is_up, memory_order_relaxed) &&
	       (worker->operations_max == 0 || worker->operations < worker->operations_max);
}

static int listen_on_loopback(struct sockaddr_in *address)
{
	socklen_t size = sizeof(*address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (listener < 0 || bind(listener, (struct sockaddr *)address, size) != 0 ||
	    listen(listener, 16) != 0 || getsockname(listener, (struct sockaddr *)address, &size) != 0)
		fail("listen");
	return listener;
}

static void connect_pair(int listener, const struct sockaddr_in *address, int ends[2])
{
	ends[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (ends[0] < 0 || connect(ends[0], (const struct sockaddr *)address, sizeof(*address)) != 0)
		fail("connect");
	ends[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (ends[1] < 0)
		fail("accept");
}

static void pass_byte(int from, int to)
{
	char byte = 'x';

	if (send(from, &byte, 1, 0) != 1 || recv(to, &byte, 1, 0) != 1)
		fail("pass a byte");
}

static void abort_connection(int end)
{
	const struct linger at_once = {.l_onoff = 1, .l_linger = 0};

	if (setsockopt(end, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)) != 0)
		fail("SO_LINGER");
	close(end);
}

static void count_failure(struct worker *worker, ssize_t result)
{
	if (result >= 0)
		return;
	if (errno == ECONNRESET)
		++worker->connection_resets;
	else if (errno == EPIPE)
		++worker->broken_pipes;
	else
		fail("a call that should meet ECONNRESET or EPIPE");
}

/* Both ends in one thread: no wake-up stands between the calls that are measured. */
static void run_ping_pong(struct worker *worker)
{
	struct sockaddr_in address;
	int listener = listen_on_loopback(&address), ends[2];

	connect_pair(listener, &address, ends);
	for (; goes_on(worker); ++worker->operations) {
		pass_byte(ends[0], ends[1]);
		pass_byte(ends[1], ends[0]);
	}
	close(ends[0]);
	close(ends[1]);
	close(listener);
}

/* A request, a reply, and both close in order. */
static void run_connections(struct worker *worker)
{
	struct sockaddr_in address;
	int listener = listen_on_loopback(&address), ends[2];
	char byte;

	for (; goes_on(worker); ++worker->operations) {
		connect_pair(listener, &address, ends);
		pass_byte(ends[0], ends[1]);
		pass_byte(ends[1], ends[0]);
		close(ends[1]);
		if (recv(ends[0], &byte, 1, 0) != 0)
			fail("end of the connection");
		close(ends[0]);
	}
	close(listener);
}

static void run_other_calls(struct worker *worker)
{
	int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	char byte;

	if (zero < 0)
		fail("/dev/zero");
	for (; goes_on(worker); ++worker->operations) {
		if (syscall(SYS_getppid) < 0 || read(zero, &byte, 1) != 1)
			fail("a call on no socket");
	}
	close(zero);
}

/* One incident a connection: its peer aborts, the next receive and the send after it fail. */
static void run_storm(struct worker *worker)
{
	struct sockaddr_in address;
	int listener = listen_on_loopback(&address), ends[2];
	char byte = 'x';

	for (; goes_on(worker); ++worker->operations) {
		connect_pair(listener, &address, ends);
		abort_connection(ends[1]);
		count_failure(worker, recv(ends[0], &byte, 1, 0));
		count_failure(worker, send(ends[0], &byte, 1, MSG_NOSIGNAL));
		close(ends[0]);
	}
	close(listener);
}

static void run_spin(struct worker *worker)
{
	struct sockaddr_in address;
	int listener = listen_on_loopback(&address), ends[2];
	char byte = 'x';

	connect_pair(listener, &address, ends);
	abort_connection(ends[1]);
	count_failure(worker, recv(ends[0], &byte, 1, 0));
	for (; goes_on(worker); ++worker->operations)
		count_failure(worker, send(ends[0], &byte, 1, MSG_NOSIGNAL));
	close(ends[0]);
	close(listener);
}

static const struct load loads[] = {
	{"ping_pong", "round trip", run_ping_pong}, {"connections", "connection", run_connections},
	{"other_calls", "pair of calls", run_other_calls}, {"storm", "connection reset", run_storm},
	{"spin", "failed send", run_spin},
};

static const struct load *chosen;

static void *run_worker(void *argument)
{
	struct worker *worker = argument;

	if (worker->processor >= 0) {
		cpu_set_t processors;

		CPU_ZERO(&processors);
		CPU_SET(worker->processor, &processors);
		if (sched_setaffinity(0, sizeof(processors), &processors) != 0)
			fail("sched_setaffinity");
	}
	chosen->run(worker);
	return NULL;
}

static double seconds_on(clockid_t clock)
{
	struct timespec at;

	clock_gettime(clock, &at);
	return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

struct settings {
	long threads;
	long count;
	long processor;
	double seconds;
};

static struct settings read_arguments(int count, char **arguments)
{
	struct settings settings = {.threads = 1, .count = 0, .processor = -1, .seconds = 1};

	for (size_t i = 0; count > 1 && i < sizeof(loads) / sizeof(loads[0]); ++i)
		if (strcmp(arguments[1], loads[i].name) == 0)
			chosen = &loads[i];
	for (int i = 2; i + 1 < count; i += 2) {
		const char *name = arguments[i], *value = arguments[i + 1];

		if (strcmp(name, "--threads") == 0)
			settings.threads = atol(value);
		else if (strcmp(name, "--count") == 0)
			settings.count = atol(value);
		else if (strcmp(name, "--cpu") == 0)
			settings.processor = atol(value);
		else if (strcmp(name, "--seconds") == 0)
			settings.seconds = atof(value);
		else
			chosen = NULL;
	}
	if (!chosen || count % 2 != 0 || settings.threads < 1 || settings.threads > THREADS_MAX ||
	    settings.seconds <= 0 || settings.count < 0) {
		fputs("usage: load ping_pong|connections|other_calls|storm|spin [--threads N] [--seconds S] "
		      "[--count N] [--cpu FIRST]\n",
		      stderr);
		exit(2);
	}
	return settings;
}

/* A thread of its own, which the end of all work need not wait for. */
static void *end_work(void *argument)
{
	const double *seconds = argument;
	struct timespec pause = {.tv_sec = (time_t)*seconds};

	pause.tv_nsec = (long)((*seconds - (double)pause.tv_sec) * 1e9);
	nanosleep(&pause, NULL);
	atomic_store(&time_is_up, true);
	return NULL;
}

int main(int count, char **arguments)
{
	static struct worker workers[THREADS_MAX];
	struct settings settings = read_arguments(count, arguments);
	struct worker sum = {0};
	pthread_t timer;
	double begin = seconds_on(CLOCK_MONOTONIC), processor_begin = seconds_on(CLOCK_PROCESS_CPUTIME_ID);

	if (pthread_create(&timer, NULL, end_work, &settings.seconds) != 0)
		fail("a thread");
	for (long i = 0; i < settings.threads; ++i) {
		workers[i].processor = settings.processor < 0 ? -1 : (int)(settings.processor + i);
		workers[i].operations_max = (settings.count + settings.threads - 1) / settings.threads;
		if (pthread_create(&workers[i].thread, NULL, run_worker, &workers[i]) != 0)
			fail("a thread");
	}
	for (long i = 0; i < settings.threads; ++i) {
		pthread_join(workers[i].thread, NULL);
		sum.operations += workers[i].operations;
		sum.connection_resets += workers[i].connection_resets;
		sum.broken_pipes += workers[i].broken_pipes;
	}
	printf("{\"load\":\"%s\",\"operation\":\"%s\",\"pid\":%d,\"operations\":%ld,\"seconds\":%.6f,"
	       "\"cpu_seconds\":%.6f,\"ECONNRESET\":%ld,\"EPIPE\":%ld}\n",
	       chosen->name, chosen->operation, getpid(), sum.operations, seconds_on(CLOCK_MONOTONIC) - begin,
	       seconds_on(CLOCK_PROCESS_CPUTIME_ID) - processor_begin, sum.connection_resets,
	       sum.broken_pipes);
	return 0;
}
