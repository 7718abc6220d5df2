// SPDX-License-Identifier: GPL-2.0-only
/* Defines what maps.bpf.h declares. */
#include "maps.bpf.h"

const volatile struct pt_config pt_config = {};
__u32 pt_doorbell = 0;
__u32 pt_has_lost = 0;
__u32 pt_snapshot_reports = 0;
__u32 pt_fin_timeout_ticks = 0;
__u32 pt_tracer_tgid = 0;
__u32 pt_ids_given = 0;
__u32 pt_drops_noted = 0;

/* Never used: puts the record layouts into this object's type information, where tests/layout
 * compares them with what userspace reads. Maps bring only those that they hold. */
union pt_any_record {
	struct pt_reset_received reset_received;
	struct pt_reset_sent reset_sent;
	struct pt_error_raised error_raised;
	struct pt_call_failed call_failed;
	struct pt_sigpipe_generated sigpipe_generated;
	struct pt_sigpipe_delivered sigpipe_delivered;
	struct pt_endpoint_remembered endpoint_remembered;
	struct pt_state_changed state_changed;
	struct pt_endpoint_destroyed endpoint_destroyed;
	struct pt_failures_counted failures_counted;
	struct pt_other_end_seen other_end_seen;
	struct pt_packet_filtered packet_filtered;
	struct pt_unix_named unix_named;
	struct pt_process_forked process_forked;
	struct pt_process_executed process_executed;
	struct pt_process_exited process_exited;
	struct pt_sampling_changed sampling_changed;
};
const union pt_any_record *pt_record_layouts = 0;

struct pt_ring_map ring SEC(".maps");
struct pt_lost_map lost SEC(".maps");
struct pt_endpoints_map endpoints SEC(".maps");
struct pt_by_address_map by_address SEC(".maps");
struct pt_ids_map ids SEC(".maps");
struct pt_failing_map failing SEC(".maps");
struct pt_repeats_map repeats SEC(".maps");
struct pt_pipe_readers_map pipe_readers SEC(".maps");
struct pt_pipe_sharers_map pipe_sharers SEC(".maps");
struct pt_pipe_keepers_map pipe_keepers SEC(".maps");
struct pt_unix_ends_map unix_ends SEC(".maps");
struct pt_watched_map watched SEC(".maps");
struct pt_filtered_map filtered SEC(".maps");
struct pt_syscall_shapes_map syscall_shapes SEC(".maps");

char LICENSE[] SEC("license") = "GPL";
