/* SPDX-License-Identifier: GPL-2.0-only */
/* All maps, the configuration that userspace sets before loading, and the doorbell.
 * maps.bpf.c defines them. Every table has a bound; the LRU ones drop the oldest. */
#pragma once

#include "vmlinux.h"

#include <bpf/bpf_helpers.h>

#include "pipetrace_abi.h"
#include "repeats.h"

extern const volatile struct pt_config pt_config;

/* The consumer sets it when it is about to sleep; the first producer to see it wakes it. */
extern __u32 pt_doorbell;
/* Set after `lost` was counted up: the consumer need not look otherwise. */
extern __u32 pt_has_lost;
/* The snapshot program reports endpoints that failed, instead of filling the tables. */
extern __u32 pt_snapshot_reports;
/* tick_hz = sysctl_tcp_fin_timeout in ticks / the same in seconds (procfs). */
extern __u32 pt_fin_timeout_ticks;
/* Set by the snapshot, which the tracer itself runs: its thread group id as the kernel counts. */
extern __u32 pt_tracer_tgid;
/* Whether these tables were ever given an entry: as long as not, nobody looks into them. */
extern __u32 pt_ids_given;
extern __u32 pt_drops_noted;

#define PT_RING_BYTES (2 << 20) /* mapped twice, it is most of the idle collector's memory */
#define PT_ENDPOINTS_MAX 32768
#define PT_IDS_MAX 8192
#define PT_FAILING_MAX 8192
#define PT_PIPES_MAX 4096
#define PT_UNIX_ENDS_MAX 4096
#define PT_TRACED_MAX 16384
#define PT_FILTERED_MAX 4096

/* One key for both ends: mirrored, it names the other. Loopback addresses mean something only in
 * their network namespace; all others may be paired across namespaces (netns 0). */
struct pt_address_key {
	__u8 local[16];
	__u8 remote[16];
	__u16 local_port;
	__u16 remote_port;
	__u32 netns;
} __attribute__((aligned(8)));

/* Kinds of failure that are noted of an endpoint before they recur. */
#define PT_TOLD_MAX 4

/* What is kept of a TCP endpoint: what records tell, and what only the programs need. */
struct pt_kept {
	struct pt_memory memory;
	__u64 told_ns; /* when it and its other end were last told of */
	__u64 gone_ns; /* when the end of its socket was told */
	__u64 peer_id; /* the other end of a connection over loopback; 0: not met, see by_address */
	__u64 told[PT_TOLD_MAX]; /* pt_failure_kind() of what records told; 0: none */
	__u8 may_be_counted; /* `failing` may have counts of it */
	__u8 gone;	     /* so is its socket */
	__u8 padding[6];
};

struct pt_ring_map {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, PT_RING_BYTES);
};
/* Records that did not fit the ring, by kind. */
struct pt_lost_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PT_RECORD_KIND_COUNT);
	__type(key, __u32);
	__type(value, __u64);
};
struct pt_endpoints_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, PT_ENDPOINTS_MAX);
	__type(key, __u64);
	__type(value, struct pt_kept);
};
struct pt_by_address_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, PT_ENDPOINTS_MAX);
	__type(key, struct pt_address_key);
	__type(value, __u64);
};
/* Own ids for sockets without a cookie, and for those that are connected anew, by address; gone when the socket is
 * destroyed. */
struct pt_ids_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, PT_IDS_MAX);
	__type(key, __u64);
	__type(value, __u64);
};
struct pt_failing_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, PT_FAILING_MAX);
	__type(key, __u64);
	__type(value, struct pt_failure_counts);
};
struct pt_repeats_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PT_REPEATS_MAX);
	__type(key, __u32);
	__type(value, struct pt_repeats);
};
/* Who read a pipe when last seen, by its id. */
struct pt_pipe_reader {
	struct pt_closure closure;
	__u32 files; /* exiting: as many of the pipe's read ends go with it */
	__u32 forks; /* kept: what pipe_keepers said then */
	__u8 shared; /* others held it too: who is the last is not known */
	__u8 kept; /* it was the only one, as long as it did not fork */
	__u8 padding[6];
};
struct pt_pipe_readers_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, PT_PIPES_MAX);
	__type(key, __u64);
	__type(value, struct pt_pipe_reader);
};
/* Programs that share what they read with their parent, with the pipe. */
struct pt_pipe_sharers_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, PT_PIPES_MAX);
	__type(key, __u32);
	__type(value, __u64);
};
/* Programs that read what their children write, with how often they have forked since that was noticed. */
struct pt_pipe_keepers_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, PT_PIPES_MAX);
	__type(key, __u32);
	__type(value, __u32);
};
/* An end of a unix socket that has gone, or who was seen holding it; see unix.bpf.h for its key. */
struct pt_unix_end {
	struct pt_closure closure;
	__u64 other_inode; /* of the socket at the other end; 0: it was not accepted yet */
	__u32 shared; /* when it was seen, others held it besides closure.by */
	__u32 before_trace; /* the other end was gone when the trace began */
};
struct pt_unix_ends_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, PT_UNIX_ENDS_MAX);
	__type(key, __u64);
	__type(value, struct pt_unix_end);
};
/* Thread groups whose fork and exit userspace wants to hear of. */
struct pt_watched_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, PT_TRACED_MAX);
	__type(key, __u32);
	__type(value, __u32);
};
/* Segments that a packet filter dropped, by their sender's addresses. */
struct pt_filter_drops {
	__u64 last_ns;
	__u64 count;
};
struct pt_filtered_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, PT_FILTERED_MAX);
	__type(key, struct pt_address_key);
	__type(value, struct pt_filter_drops);
};
struct pt_syscall_shapes_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PT_SYSCALL_MAX);
	__type(key, __u32);
	__type(value, struct pt_syscall_shape);
};

extern struct pt_ring_map ring SEC(".maps");
extern struct pt_lost_map lost SEC(".maps");
extern struct pt_endpoints_map endpoints SEC(".maps");
extern struct pt_by_address_map by_address SEC(".maps");
extern struct pt_ids_map ids SEC(".maps");
extern struct pt_failing_map failing SEC(".maps");
extern struct pt_repeats_map repeats SEC(".maps");
extern struct pt_pipe_readers_map pipe_readers SEC(".maps");
extern struct pt_pipe_sharers_map pipe_sharers SEC(".maps");
extern struct pt_pipe_keepers_map pipe_keepers SEC(".maps");
extern struct pt_unix_ends_map unix_ends SEC(".maps");
extern struct pt_watched_map watched SEC(".maps");
extern struct pt_filtered_map filtered SEC(".maps");
extern struct pt_syscall_shapes_map syscall_shapes SEC(".maps");
