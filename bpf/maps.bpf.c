// SPDX-License-Identifier: GPL-2.0-only
/* Defines what maps.bpf.h declares. */
#include "maps.bpf.h"

const volatile struct pt_config pt_config = {};
__u32 pt_doorbell = 0;
__u32 pt_snapshot_reports = 0;
__u32 pt_fin_timeout_ticks = 0;

struct pt_ring_map ring SEC(".maps");
struct pt_lost_map lost SEC(".maps");
struct pt_endpoints_map endpoints SEC(".maps");
struct pt_by_address_map by_address SEC(".maps");
struct pt_ids_map ids SEC(".maps");
struct pt_failing_map failing SEC(".maps");
struct pt_pipe_readers_map pipe_readers SEC(".maps");
struct pt_watched_map watched SEC(".maps");
struct pt_syscall_shapes_map syscall_shapes SEC(".maps");

char LICENSE[] SEC("license") = "GPL";
