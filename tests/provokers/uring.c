/* One request through io_uring, by its system calls alone (io_uring(7)). */
#include "provoke.h"

#include <errno.h>
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

struct ring {
	int fd;
	int enter_fd; /* or its place among the registered ones, as the flags say */
	unsigned enter_flags;
	uint8_t *submissions;
	uint8_t *completions;
	struct io_uring_sqe *requests;
	struct io_uring_params parameters;
};

enum { ENTRIES = 4, MAP_BYTES = 4096 };

static void *map(int fd, off_t what)
{
	void *at = mmap(NULL, MAP_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, what);

	if (at == MAP_FAILED)
		die("mmap of io_uring");
	return at;
}

/* Made once, and not inherited: every role has one of its own. */
static struct ring *own_ring(void)
{
	static struct ring ring = {.fd = -1};

	if (ring.fd >= 0)
		return &ring;
	ring.fd = (int)syscall(SYS_io_uring_setup, ENTRIES, &ring.parameters);
	if (ring.fd < 0)
		die("io_uring_setup");
	ring.enter_fd = ring.fd;
	ring.enter_flags = IORING_ENTER_GETEVENTS;
	ring.submissions = map(ring.fd, IORING_OFF_SQ_RING);
	ring.completions = map(ring.fd, IORING_OFF_CQ_RING);
	ring.requests = map(ring.fd, IORING_OFF_SQES);
	return &ring;
}

static unsigned *field(uint8_t *ring, unsigned offset)
{
	return (unsigned *)(ring + offset);
}

static void queue(struct ring *ring, const struct io_uring_sqe *request)
{
	const struct io_sqring_offsets *at = &ring->parameters.sq_off;
	unsigned *tail = field(ring->submissions, at->tail);
	unsigned slot = *tail & *field(ring->submissions, at->ring_mask);

	ring->requests[slot] = *request;
	field(ring->submissions, at->array)[slot] = slot;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
}

static int result_of(struct ring *ring)
{
	const struct io_cqring_offsets *at = &ring->parameters.cq_off;
	unsigned *head = field(ring->completions, at->head);

	if (*head == __atomic_load_n(field(ring->completions, at->tail), __ATOMIC_ACQUIRE))
		die("io_uring completed nothing");
	struct io_uring_cqe *all = (struct io_uring_cqe *)(ring->completions + at->cqes);
	int result = all[*head & *field(ring->completions, at->ring_mask)].res;

	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return result;
}

static void enter(struct ring *ring, unsigned count)
{
	long taken;

	do {
		taken = syscall(SYS_io_uring_enter, ring->enter_fd, count, count, ring->enter_flags, NULL, 0);
	} while (taken < 0 && errno == EINTR);
	if (taken != (long)count)
		die("io_uring_enter");
}

ssize_t uring_transfer(int opcode, int fd, const void *data, size_t size, bool async)
{
	struct ring *ring = own_ring();
	struct io_uring_sqe request = {.opcode = (uint8_t)opcode,
				       .fd = fd,
				       .addr = (uintptr_t)data,
				       .len = (unsigned)size,
				       .flags = async ? IOSQE_ASYNC : 0};
	int result;

	queue(ring, &request);
	enter(ring, 1);
	result = result_of(ring);
	if (result >= 0)
		return result;
	errno = -result;
	return -1;
}

void uring_write_chain(int first, int second, int results[2])
{
	struct ring *ring = own_ring();
	struct io_uring_sqe request = {.opcode = IORING_OP_WRITE, .addr = (uintptr_t) "again", .len = 5};

	request.fd = first;
	request.flags = IOSQE_IO_LINK;
	queue(ring, &request);
	request.fd = second;
	request.flags = 0;
	queue(ring, &request);
	enter(ring, 2);
	results[0] = result_of(ring);
	results[1] = result_of(ring);
}

void uring_register_ring(void)
{
	struct ring *ring = own_ring();
	struct io_uring_rsrc_update own = {.offset = -1U, .data = (uint64_t)ring->fd};

	if (syscall(SYS_io_uring_register, ring->fd, IORING_REGISTER_RING_FDS, &own, 1) != 1)
		die("IORING_REGISTER_RING_FDS");
	ring->enter_fd = (int)own.offset;
	ring->enter_flags |= IORING_ENTER_REGISTERED_RING;
}
