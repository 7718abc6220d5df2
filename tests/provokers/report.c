/* The truth line: what the program itself saw, as one line of JSON on stdout. */
#include "provoke.h"

#include <stdio.h>
#include <string.h>

static void print_text(const char *key, const char *value)
{
	/* Names and addresses here are the provokers' own: nothing in them needs escaping. */
	if (value[0] == '\0')
		printf("\"%s\":null", key);
	else
		printf("\"%s\":\"%s\"", key, value);
}

static void print_number(const char *key, int64_t value)
{
	if (value < 0)
		printf("\"%s\":null", key);
	else
		printf("\"%s\":%lld", key, (long long)value);
}

static void print_actor(const char *key, const struct actor *actor)
{
	if (actor->pid == 0)
		printf("\"%s\":null", key);
	else
		printf("\"%s\":{\"pid\":%d,\"tid\":%d,\"comm\":\"%s\"}", key, actor->pid, actor->tid, actor->comm);
}

static void print_endpoint(const struct story *story)
{
	print_actor("victim", &story->victim);
	printf(",");
	print_actor("peer", &story->peer);
	printf(",");
	print_text("local", story->local);
	printf(",");
	print_text("remote", story->remote);
}

static void print_call(const struct call_error *error, const char *name)
{
	printf("{\"errno\":%s%s%s,\"syscall\":\"%s\",\"fd\":%d,", name ? "\"" : "", name ? name : "null",
	       name ? "\"" : "", error->syscall, error->fd);
	print_number("tid", error->tid > 0 ? error->tid : -1);
	printf(",\"bytes\":%ld,\"count\":%ld}", error->bytes, error->count);
}

static const char *sigpipe_fate(const struct story *story)
{
	if (story->killed)
		return "killed";
	if (story->handled > 0)
		return "handled";
	if (story->pending)
		return "blocked";
	if (!story->expects_epipe_signal)
		return "none";
	/* It stays with the worker, which blocks every signal. */
	if (story->options.call == CALL_URING_WRITE_ASYNC)
		return "blocked";
	return story->options.sigpipe == SIGPIPE_NOSIGNAL ? "suppressed" : "ignored";
}

void report_ready(const struct story *story)
{
	printf("{\"ready\":true,");
	print_endpoint(story);
	printf("}\n");
	fflush(stdout);
}

void report_truth(const struct story *story)
{
	printf("{\"program\":\"%s\",", story->program);
	print_endpoint(story);
	printf(",\"errors\":[");
	for (int i = 0; i < story->error_count; i++) {
		printf("%s", i > 0 ? "," : "");
		print_call(&story->errors[i], strerrorname_np(story->errors[i].number));
	}
	printf("],\"fatal\":");
	if (story->killed && story->attempt_open)
		print_call(&story->attempt, NULL);
	else
		printf("null");
	printf(",\"sigpipe\":\"%s\",", sigpipe_fate(story));
	print_number("unread", story->unread);
	printf(",");
	print_number("reset_seq", story->reset_seq);
	printf(",");
	print_number("idle_min_us", story->idle_min_us);
	printf(",");
	print_number("idle_max_us", story->idle_max_us);
	printf("}\n");
	fflush(stdout);
}
