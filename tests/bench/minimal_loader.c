/* The floor of start and stop: a skeleton of one program and one map, loaded, attached, and let go of. */
#include "minimal.skel.h"
#include "ready.h"

int main(void)
{
	sigset_t ending = block_ending_signals();
	struct minimal_bpf *skeleton = minimal_bpf__open_and_load();

	if (!skeleton || minimal_bpf__attach(skeleton) != 0) {
		fputs("minimal_loader: does not load or attach\n", stderr);
		return 1;
	}
	announce_and_wait(&ending);
	minimal_bpf__destroy(skeleton);
	return 0;
}
