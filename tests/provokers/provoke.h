/*
 * What every provoker shares: a victim and a peer as processes of their own, batons
 * between them, calls whose errors are noted as the program sees them, and one JSON
 * line at the end that tells what really happened. Every process is bounded by alarm().
 */
#ifndef PROVOKE_H
#define PROVOKE_H

#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

enum { NAME_SIZE = 16, ADDRESS_SIZE = 128, ERRORS_MAX = 16 };

enum sigpipe_choice { SIGPIPE_DEFAULT, SIGPIPE_IGNORE, SIGPIPE_HANDLER, SIGPIPE_BLOCK, SIGPIPE_NOSIGNAL };
/* The uring ones: through io_uring, in the submitting thread, or (_ASYNC) in a worker of its own. */
enum call_kind { CALL_SEND, CALL_WRITE, CALL_WRITEV, CALL_SENDMSG, CALL_SENDMMSG, CALL_SENDFILE, CALL_SPLICE,
		 CALL_URING_SEND, CALL_URING_WRITE, CALL_URING_WRITE_ASYNC, CALL_KINDS };
enum receive_kind { RECEIVE_RECV, RECEIVE_READ, RECEIVE_READV, RECEIVE_RECVMSG, RECEIVE_RECVMMSG,
		    RECEIVE_URING_RECV, RECEIVE_URING_READ, RECEIVE_KINDS };
enum naming { NAMED_NOT, NAMED_PATH, NAMED_ABSTRACT, NAMED_LONG }; /* not: a pair; long: fills sun_path */
enum address_choice { ADDRESS_IPV4, ADDRESS_IPV6, ADDRESS_MAPPED };

struct options {
	enum sigpipe_choice sigpipe;
	enum call_kind call;
	enum receive_kind receive;
	enum address_choice address;
	bool netns;          /* the peer lives in another network namespace, over a veth pair */
	bool victim_accepts; /* the victim is the server of the connection */
	bool mptcp;          /* both ends are MPTCP sockets */
	bool fallback;       /* the victim's alone is: it speaks TCP to its peer */
	bool nonblock;
	bool late;           /* the victim looks only after the end, by a send */
	long repeat;         /* more failing calls after the first */
	long bytes;          /* unread bytes, or writes to spin */
	const char *variant; /* the program's own choice, see each */
	const char *host;    /* address of the host where the peer is */
	const char *hold;    /* what is past when the program waits for the tracer, see each; "": it does not */
	int type;            /* of a unix socket, as SOCK_STREAM */
	enum naming naming;  /* of a unix socket */
	bool reads;          /* the victim reads from the dead end before it sends */
};

/* Meeting points of the processes; each is a counter that one passes and one awaits. */
enum step { STEP_LISTENING, STEP_PEER_UP, STEP_LINK_UP, STEP_JOINED, STEP_SENT, STEP_CLOSE, STEP_CLOSED,
	    STEP_PREPARED, STEP_READY, STEP_GO, STEP_END, STEP_COUNT };

struct call_error {
	int number;
	char syscall[NAME_SIZE];
	int fd;
	pid_t tid; /* 0: the program cannot know it */
	long bytes;
	long count;
};

struct actor {
	pid_t pid;
	pid_t tid;
	char comm[NAME_SIZE];
};

/* Lives in memory shared by all processes of the provoker, so that a killed victim's notes survive. */
struct story {
	const char *program;
	int memory;              /* descriptor of this memory, for a role that goes on in another program */
	struct options options;
	bool holds; /* waits for a byte on stdin at its holding point */
	int baton[STEP_COUNT];
	int parent_closes[2]; /* ends that only the roles may hold, STEP_GO when so; 0: none */
	struct actor victim;
	struct actor peer;
	struct call_error errors[ERRORS_MAX];
	int error_count;
	struct call_error attempt; /* the call under way: the last one of a killed victim */
	bool attempt_open;
	volatile sig_atomic_t handled;
	bool pending;
	bool killed;
	bool expects_epipe_signal; /* a call failed or fell short that could raise SIGPIPE */
	uint16_t port;
	char local[ADDRESS_SIZE];
	char remote[ADDRESS_SIZE];
	long unread;      /* -1: does not apply */
	int64_t reset_seq; /* of the RST that the peer received; -1: does not apply */
	int64_t idle_min_us; /* bounds of the silence before the write that met the dead end; -1: none */
	int64_t idle_max_us;
};

typedef void (*role_fn)(struct story *);

/* story.c */
__attribute__((noreturn, format(printf, 1, 2))) void die(const char *format, ...);
struct story *story_new(const char *program, int argc, char **argv, const char *allowed);
int story_play(struct story *story, role_fn peer, role_fn victim);
pid_t role_start(struct story *story, role_fn role, struct actor *actor, const char *name);
void actor_is_me(struct actor *actor, const char *name);
struct story *story_resume(int memory);
void keep_over_exec(int fd);
void pass(struct story *story, enum step step);
void await(struct story *story, enum step step);
int64_t now_us(void);
void pause_briefly(void); /* the silence that is part of a story */
void hold_here(struct story *story); /* of the victim: until the byte on stdin came */

/* report.c */
void report_ready(const struct story *story);
void report_truth(const struct story *story);

/* options.c: `allowed` holds the letters of the options the program knows. */
void options_parse(struct options *options, int argc, char **argv, const char *allowed);
bool is_variant(const struct story *story, const char *name);
bool is_hold(const struct story *story, const char *name);

/* calls.c */
void sigpipe_prepare(struct story *story);
void sigpipe_finish(struct story *story);
void note_error(struct story *story, int number, const char *syscall, int fd, long bytes);
ssize_t call_out(struct story *story, int fd, const void *data, size_t size);
ssize_t call_write(struct story *story, int fd, const void *data, size_t size);
ssize_t call_sendto(struct story *story, int fd, const void *data, size_t size, const struct sockaddr *address,
		    socklen_t address_size);
/* `name`: splice or tee, from one pipe to another, or vmsplice. */
ssize_t call_move(struct story *story, const char *name, int from, int to, struct iovec *part);
/* Sends that must fail: the other end is known to be dead. */
void send_in_vain(struct story *story, int fd, long times);
/* The classic end: with the peer's FIN here, a send that draws the RST, then `times` sends in vain. */
void write_into_dead_end(struct story *story, int fd, long times);
ssize_t call_recv(struct story *story, int fd, void *data, size_t size);
void ask_error(struct story *story, int fd); /* takes the pending error by SO_ERROR; there must be one */

/* transfer.c: one call of the kind, with its result and errno, and what the kernel names it. */
ssize_t transfer_out(const struct options *options, int fd, const void *data, size_t size);
ssize_t transfer_in(enum receive_kind kind, int fd, void *data, size_t size);
const char *call_name(enum call_kind kind);
const char *receive_name(enum receive_kind kind);

/* uring.c: one request of IORING_OP_* with liburing's means, none; waits for its end. */
ssize_t uring_transfer(int opcode, int fd, const void *data, size_t size, bool async);
void uring_write_chain(int first, int second, int results[2]); /* the second waits for the first */
void uring_register_ring(void); /* from now on it is entered without a descriptor; since 5.18 */

/* tcp.c */
int pair_join(struct story *story, bool is_victim);
/* The parts of pair_join() for stories in which no connection comes about. */
void peer_enter_namespace(struct story *story);
int stream_socket(const struct story *story, int family, bool is_victim);
int listen_one(struct story *story, bool is_victim); /* passes no step */
void address_fill(const struct story *story, bool of_victim, uint16_t port, struct sockaddr_storage *address,
		  socklen_t *size);
void address_format(const struct sockaddr_storage *address, char out[ADDRESS_SIZE]);
void endpoint_names(struct story *story, int fd);
uint16_t remote_port(int fd);
void read_exactly(int fd, size_t size);
void wait_fin(int fd);
void wait_reset(int fd);
void wait_close_acknowledged(uint16_t local_port);
long wait_unread(int fd, long size);
void close_abortively(int fd);
void set_number(int fd, int level, int option, int value);
/* Round trips, until a first one that took long, as on a busy machine, no longer makes the timers long. */
void settle(int fd, bool begins);

/* unix.c */
void unix_prepare(struct story *story); /* before story_play() */
int unix_socket(struct story *story);
bool unix_never_accepts(const struct story *story); /* variants `listener` and `unaccepted` */
int unix_join(struct story *story, bool is_victim); /* at variant `listener` a peer that accepts nobody */
const struct sockaddr *unix_name(socklen_t *size);
void unix_leave_name(struct story *story); /* bound to nobody any more */
void unix_remove_name(void);
void await_end_of(pid_t pid);
void await_asleep(pid_t pid); /* it has nothing to wait for but the call that the story is about */

/* veth.c: a veth pair between the caller's network namespace and that of `peer`. */
void veth_create(pid_t peer);
void veth_configure(bool of_victim);
void loopback_up(void);
void veth_route_by_peer(void); /* whatever is not on the link goes through the peer's namespace */
#define VETH_VICTIM_LINK "ptveth0"
/* Without an address; returns the link's index. */
unsigned veth_raise(bool of_victim);
#define VETH_VICTIM_ADDRESS 0x0a4d0001u /* 10.77.0.1 */
#define VETH_PEER_ADDRESS 0x0a4d0002u   /* 10.77.0.2 */
#define VETH_NOBODY_ADDRESS 0x0a4d0003u /* 10.77.0.3: on the link, and nobody's */
#define BEHIND_PEER_ADDRESS 0x0a4e0001u /* 10.78.0.1: nobody's */
/* Of net.ipv4, in the caller's network namespace; false if this kernel has no such number. */
bool set_namespace_number(const char *name, int value);
/* Moves the caller and its children to a network namespace with nothing but a loopback link. */
void netns_of_its_own(void);

/* nft.c: in the caller's network namespace, which is one of the provoker's own. */
enum filter_side { FILTER_OUT, FILTER_IN };
enum filter_verdict { FILTER_REJECTS, FILTER_DROPS };
void filter_add(enum filter_side side, uint16_t port, enum filter_verdict verdict);
void filter_remove(void); /* all that were added */

/* disturb.c: what comes between two ends. */
void deafen(int fd); /* its host drops from now on what comes for this socket */
void drop_payload(int fd); /* segments with 61 bytes or more, headers included, do not reach the socket */
void forget_silently(int fd);
/* A RST in the name of this end, `ahead` bytes from the sequence number that is next; IPv4 alone. */
void forge_reset(int fd, uint32_t ahead, int ttl);

#endif
