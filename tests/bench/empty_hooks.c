/* Attaches a program that does nothing to each hook named, and holds on until SIGINT or SIGTERM.
 *
 * usage: empty_hooks tracepoint|fentry|fexit|kprobe|kretprobe NAME ... */
#include "empty.skel.h"
#include "ready.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <stdbool.h>
#include <string.h>

/* One object a hook: a program has one target. Nothing is freed: the end of the process detaches. */
static bool attach(const char *means, const char *target)
{
	struct empty_bpf *skeleton = empty_bpf__open();
	struct bpf_program *program, *wanted = NULL;
	bool is_probe = strcmp(means, "kprobe") == 0 || strcmp(means, "kretprobe") == 0;
	char name[64];

	if (!skeleton)
		return false;
	snprintf(name, sizeof(name), "empty_%s", means);
	bpf_object__for_each_program(program, skeleton->obj) {
		bool is_wanted = strcmp(bpf_program__name(program), name) == 0;

		bpf_program__set_autoload(program, is_wanted);
		if (is_wanted)
			wanted = program;
	}
	if (!wanted || (!is_probe && bpf_program__set_attach_target(wanted, 0, target) != 0) ||
	    empty_bpf__load(skeleton) != 0)
		return false;
	if (is_probe)
		return bpf_program__attach_kprobe(wanted, strcmp(means, "kretprobe") == 0, target);
	return bpf_program__attach(wanted);
}

int main(int count, char **arguments)
{
	sigset_t ending = block_ending_signals();

	if (count < 3 || count % 2 == 0) {
		fputs("usage: empty_hooks MEANS NAME [MEANS NAME]...\n", stderr);
		return 2;
	}
	for (int i = 1; i < count; i += 2) {
		if (!attach(arguments[i], arguments[i + 1])) {
			fprintf(stderr, "empty_hooks: %s %s does not attach\n", arguments[i], arguments[i + 1]);
			return 1;
		}
	}
	announce_and_wait(&ending);
	return 0;
}
