/* The command line that all provokers share; each names the options that it knows. */
#include "provoke.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static const struct option long_options[] = {
	{"sigpipe", required_argument, NULL, 's'}, {"call", required_argument, NULL, 'c'},
	{"ipv6", no_argument, NULL, '6'},          {"mapped", no_argument, NULL, 'm'},
	{"netns", no_argument, NULL, 'n'},         {"victim-accepts", no_argument, NULL, 'a'},
	{"nonblock", no_argument, NULL, 'b'},      {"repeat", required_argument, NULL, 'r'},
	{"bytes", required_argument, NULL, 'N'},   {"variant", required_argument, NULL, 'v'},
	{"host", required_argument, NULL, 'h'},    {"type", required_argument, NULL, 't'},
	{"named", required_argument, NULL, 'p'},   {"reads", no_argument, NULL, 'R'},
	{"hold", required_argument, NULL, 'H'},    {"receive", required_argument, NULL, 'd'},
	{"mptcp", no_argument, NULL, 'M'},         {"fallback", no_argument, NULL, 'F'},
	{"late", no_argument, NULL, 'l'},
	{NULL, 0, NULL, 0},
};

static int choice(const char *text, const char *const *names, int count)
{
	for (int i = 0; i < count; i++)
		if (strcmp(text, names[i]) == 0)
			return i;
	die("unknown value %s", text);
}

static long number(const char *text)
{
	char *end = NULL;
	long value = strtol(text, &end, 10);

	if (end == text || *end != '\0' || value < 0)
		die("not a number: %s", text);
	return value;
}

static void apply(struct options *options, int letter)
{
	static const char *const sigpipes[] = {"default", "ignore", "handler", "block", "nosignal"};
	static const char *const calls[] = {
		"send",     "write",  "writev",     "sendmsg",     "sendmmsg",
		"sendfile", "splice", "uring_send", "uring_write", "uring_write_async"};
	static const char *const receives[] = {"recv",     "read",       "readv",     "recvmsg",
					       "recvmmsg", "uring_recv", "uring_read"};
	static const char *const types[] = {"stream", "dgram", "seqpacket"};
	static const int type_numbers[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
	static const char *const namings[] = {"not", "path", "abstract", "long"};

	switch (letter) {
	case 's': options->sigpipe = (enum sigpipe_choice)choice(optarg, sigpipes, 5); break;
	case 'c': options->call = (enum call_kind)choice(optarg, calls, CALL_KINDS); break;
	case 'd': options->receive = (enum receive_kind)choice(optarg, receives, RECEIVE_KINDS); break;
	case '6': options->address = ADDRESS_IPV6; break;
	case 'm': options->address = ADDRESS_MAPPED; break;
	case 'n': options->netns = true; break;
	case 'M': options->mptcp = true; break;
	case 'F': options->fallback = true; break;
	case 'a': options->victim_accepts = true; break;
	case 'b': options->nonblock = true; break;
	case 'r': options->repeat = number(optarg); break;
	case 'N': options->bytes = number(optarg); break;
	case 'v': options->variant = optarg; break;
	case 'h': options->host = optarg; break;
	case 't': options->type = type_numbers[choice(optarg, types, 3)]; break;
	case 'p': options->naming = (enum naming)choice(optarg, namings, 4); break;
	case 'R': options->reads = true; break;
	case 'H': options->hold = optarg; break;
	case 'l': options->late = true; break;
	default: die("unknown option");
	}
}

static bool takes_flags(enum call_kind call)
{
	return call == CALL_SEND || call == CALL_SENDMSG || call == CALL_SENDMMSG || call == CALL_URING_SEND;
}

void options_parse(struct options *options, int argc, char **argv, const char *allowed)
{
	int letter;

	*options = (struct options){.bytes = 10, .variant = "", .host = "", .type = SOCK_STREAM, .hold = ""};
	while ((letter = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (letter == '?' || strchr(allowed, letter) == NULL)
			die("option not known to this program");
		apply(options, letter);
	}
	if (optind != argc)
		die("unexpected argument %s", argv[optind]);
	if (options->sigpipe == SIGPIPE_NOSIGNAL && !takes_flags(options->call))
		die("MSG_NOSIGNAL needs a call that takes it");
	/* The kernel itself adds MSG_NOSIGNAL (io_sendmsg_prep). */
	if (options->call == CALL_URING_SEND && options->sigpipe != SIGPIPE_NOSIGNAL)
		die("io_uring's SEND raises no signal");
}

bool is_variant(const struct story *story, const char *name)
{
	return strcmp(story->options.variant, name) == 0;
}

bool is_hold(const struct story *story, const char *name)
{
	return strcmp(story->options.hold, name) == 0;
}
