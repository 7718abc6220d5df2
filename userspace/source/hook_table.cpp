// One row an observation. Kernel releases are named where a function or an argument list changed.
#include "source/hook_table.h"

#include <algorithm>

namespace pipetrace {
namespace {

using enum HookMeans;

std::uint32_t function_arguments(const KernelFeatures& features, std::string_view name) {
    const auto found = features.functions.find(name);
    return found == features.functions.end() ? 0 : found->second.argument_count;
}

std::uint32_t tracepoint_arguments(const KernelFeatures& features, std::string_view name) {
    const auto found = features.tracepoints.find(name);
    return found == features.tracepoints.end() ? 0 : found->second.argument_count;
}

// 5.10 has tcp_reset(sk), 6.1 and later tcp_reset(sk, skb).
bool reset_has_segment(const KernelFeatures& f) { return function_arguments(f, "tcp_reset") >= 2; }

// From 6.12 tcp_send_reset(sk, skb, reason) also fires where no live socket answers.
bool send_reset_always_fires(const KernelFeatures& f) {
    return tracepoint_arguments(f, "tcp_send_reset") >= 3;
}

// (sk, flags, err, kern) up to 6.1, (sk, arg) since the release that gave RSTs their reason.
bool accept_return_is_known(const KernelFeatures& f) {
    const bool has_reason = function_arguments(f, "tcp_v4_send_reset") >= 3;
    return function_arguments(f, "inet_csk_accept") == (has_reason ? 2U : 4U);
}

// 6 arguments in 5.10, 5 in 6.1 and 6.12, 4 in 6.18.
bool receive_return_is_known(const KernelFeatures& f) {
    const auto count = function_arguments(f, "tcp_recvmsg");
    return count >= 4 && count <= 6;
}

bool mptcp_receive_return_is_known(const KernelFeatures& f) {
    return receive_return_is_known(f) &&
           function_arguments(f, "mptcp_recvmsg") == function_arguments(f, "tcp_recvmsg");
}

// One of the two is compiled into the other.
bool do_recvmmsg_is_known(const KernelFeatures& f) { return function_arguments(f, "do_recvmmsg") == 5; }
bool sys_recvmmsg_is_known(const KernelFeatures& f) { return function_arguments(f, "__sys_recvmmsg") == 6; }

// (skb, location, reason) since 5.17; before, where the packet was dropped tells.
bool drop_tells_why(const KernelFeatures& f) {
    return tracepoint_arguments(f, "kfree_skb") >= 3 || f.filter_begin != 0;
}

constexpr std::string_view kNoRstPacket =
    "TTL and flags of the RST, by which a device between could be told from the peer";
constexpr std::string_view kQuietPassiveReset =
    "RSTs sent where no socket, or only TIME_WAIT, is left: refused connections, data after this "
    "end's close; with --origin, no_socket and late_data_after_close cannot be told";
constexpr std::string_view kManyReceives =
    "which receive took an error, where more wait at once than a kretprobe holds: inferred";
constexpr std::string_view kNoFailedSend =
    "sends that fail without SIGPIPE (ECONNRESET; EPIPE with MSG_NOSIGNAL): inferred";

std::vector<ObservationRow> reset_rows() {
    return {
        {"rst_received", "RST received", "RSTs received", false,
         // The tracepoint stands in where the kernel skips the function's hook.
         {{kFentry, {"tcp_reset"}, {"pt_tcp_reset_fentry", "pt_tcp_receive_reset"}, ""},
          {kKprobe, {"tcp_reset"}, {"pt_tcp_reset_kprobe", "pt_tcp_receive_reset"}, ""},
          {kTracepoint, {"tcp_receive_reset"}, {"pt_tcp_receive_reset"},
           "data after this end's own shutdown is told from a RST only by the answer sent"}}},
        {"rst_packet", "The RST's own packet", kNoRstPacket, false,
         {{kFentry, {"tcp_reset"}, {"pt_tcp_reset_fentry"}, "", reset_has_segment},
          {kKprobe, {"tcp_reset"}, {"pt_tcp_reset_kprobe"}, "", reset_has_segment},
          {kFentry, {"tcp_rcv_state_process"}, {"pt_rcv_state_fentry"},
           "TTL and flags of a RST that comes in ESTABLISHED"},
          {kKprobe, {"tcp_rcv_state_process"}, {"pt_rcv_state_kprobe"},
           "TTL and flags of a RST that comes in ESTABLISHED"}}},
        {"packet_filtered", "Packet dropped by a filter of this host",
         "whether a packet filter of this host sent the RST", false,
         {{kTracepoint, {"kfree_skb"}, {"pt_kfree_skb"}, "", drop_tells_why}}},
        {"handshake_ttl", "The handshake's TTL", "the TTL to compare a RST's with", false,
         {{kFentry, {"tcp_rcv_state_process"}, {"pt_rcv_state_fentry"}, ""},
          {kKprobe, {"tcp_rcv_state_process"}, {"pt_rcv_state_kprobe"}, ""}}},
        {"rst_sent_passive", "RST sent in answer to a segment", "RSTs sent in answer", false,
         {{kFentry, {"tcp_v4_send_reset", "tcp_v6_send_reset"},
           {"pt_v4_send_reset_fentry", "pt_v6_send_reset_fentry"}, ""},
          {kKprobe, {"tcp_v4_send_reset", "tcp_v6_send_reset"},
           {"pt_v4_send_reset_kprobe", "pt_v6_send_reset_kprobe"}, ""},
          {kTracepoint, {"tcp_send_reset"}, {"pt_tcp_send_reset"}, "", send_reset_always_fires},
          {kTracepoint, {"tcp_send_reset"}, {"pt_tcp_send_reset"}, kQuietPassiveReset}}},
        {"rst_sent_active", "RST sent to abort a connection", "RSTs that abort a connection", false,
         {{kFentry, {"tcp_send_active_reset"}, {"pt_active_reset_fentry"}, ""},
          {kKprobe, {"tcp_send_active_reset"}, {"pt_active_reset_kprobe"}, ""},
          {kTracepoint, {"tcp_send_reset"}, {"pt_tcp_send_reset"}, ""}}},
    };
}

std::vector<ObservationRow> endpoint_rows() {
    const HookChoice state{kTracepoint, {"inet_sock_set_state"}, {"pt_inet_sock_set_state"}, ""};
    return {
        {"fin_received", "FIN received", "everything", true, {state}},
        {"endpoint_closed", "Endpoint closed, and by whom", "everything", true, {state}},
        {"endpoint_destroyed", "Socket gone",
         "when an endpoint's story ends, and errors that no program looked at", false,
         {{kTracepoint, {"tcp_destroy_sock"}, {"pt_tcp_destroy_sock"}, ""}}},
        {"accepted", "Connection accepted, and by whom",
         "who accepted a connection, until that process closes it or is found by its descriptors", false,
         {{kFexit, {"inet_csk_accept"}, {"pt_accept_fexit"}, "", accept_return_is_known},
          {kKretprobe, {"inet_csk_accept"}, {"pt_accept_kretprobe"}, ""}}},
        {"older_endpoints", "Connections older than the trace",
         "connections that were open before the trace", false,
         {{kIterator, {"tcp"}, {"pt_snapshot_tcp"}, ""}}},
        {"older_holders", "Who holds a connection older than the trace",
         "who holds connections, and pipes, that were open before the trace", false,
         {{kIterator, {"task_file"}, {"pt_snapshot_files"}, ""}}},
    };
}

std::vector<ObservationRow> error_rows() {
    return {
        {"error_raised", "Error raised on a socket",
         "errors that the network raises without a RST", false,
         {{kTracepoint, {"inet_sk_error_report"}, {"pt_inet_sk_error_report"}, ""},
          // 5.10 has no sk_error_report().
          {kFentry, {"sock_def_error_report"}, {"pt_error_report_fentry"}, ""},
          {kKprobe, {"sock_def_error_report"}, {"pt_error_report_kprobe"}, ""},
          {kTracepoint, {"inet_sock_set_state"}, {"pt_inet_sock_set_state"},
           "an error that the connection outlives: the others are read from the socket as it closes"}}},
        {"send_failed", "Send failed", kNoFailedSend, false,
         {{kFentry, {"sk_stream_error"}, {"pt_stream_error_fentry"}, ""},
          {kKprobe, {"sk_stream_error"}, {"pt_stream_error_kprobe"}, ""},
          {kTracepoint, {"sock_send_length"}, {"pt_sock_send_length"}, "", nullptr, true}}},
        {"receive_failed", "Receive failed", "which receive took an error: inferred", false,
         {{kTracepoint, {"sock_recv_length"}, {"pt_sock_recv_length"}, "", nullptr, true},
          {kFexit,
           {"tcp_recvmsg", "mptcp_recvmsg"},
           {"pt_recvmsg_fexit", "pt_mptcp_recvmsg_fexit"},
           "",
           mptcp_receive_return_is_known,
           true},
          {kKretprobe,
           {"tcp_recvmsg", "mptcp_recvmsg"},
           {"pt_recvmsg_kretprobe", "pt_mptcp_recvmsg_kretprobe"},
           kManyReceives,
           nullptr,
           true},
          // Of a kernel without MPTCP.
          {kFexit, {"tcp_recvmsg"}, {"pt_recvmsg_fexit"}, "", receive_return_is_known, true},
          {kKretprobe, {"tcp_recvmsg"}, {"pt_recvmsg_kretprobe"}, kManyReceives, nullptr, true}}},
        {"batch_receive_failed", "Batch of receives failed", "which recvmmsg() took an error: inferred", false,
         {{kFexit, {"do_recvmmsg"}, {"pt_do_recvmmsg_fexit"}, "", do_recvmmsg_is_known, true},
          {kKretprobe, {"do_recvmmsg"}, {"pt_do_recvmmsg_kretprobe"}, "", nullptr, true},
          {kFexit, {"__sys_recvmmsg"}, {"pt_sys_recvmmsg_fexit"}, "", sys_recvmmsg_is_known, true},
          {kKretprobe, {"__sys_recvmmsg"}, {"pt_sys_recvmmsg_kretprobe"}, "", nullptr, true}}},
        {"error_asked", "Error asked for", "which getsockopt(SO_ERROR) took an error: inferred", false,
         {{kFentry, {"sock_getsockopt"}, {"pt_sock_getsockopt_fentry"}, "", nullptr, true},
          {kKprobe, {"sock_getsockopt"}, {"pt_sock_getsockopt_kprobe"}, "", nullptr, true},
          // 6.7 calls the other one at once.
          {kFentry, {"sk_getsockopt"}, {"pt_sk_getsockopt_fentry"}, "", nullptr, true},
          {kKprobe, {"sk_getsockopt"}, {"pt_sk_getsockopt_kprobe"}, "", nullptr, true}}},
    };
}

std::vector<ObservationRow> process_rows() {
    return {
        {"sigpipe_generated", "SIGPIPE generated", "everything about pipes and SIGPIPE", false,
         {{kTracepoint, {"signal_generate"}, {"pt_signal_generate"}, ""}}},
        {"sigpipe_delivered", "SIGPIPE delivered", "whether a SIGPIPE reached a handler", false,
         {{kTracepoint, {"signal_deliver"}, {"pt_signal_deliver"}, ""}}},
        {"process_forked", "Process forked", "children of the processes asked for", false,
         {{kTracepoint, {"sched_process_fork"}, {"pt_process_fork"}, ""}}},
        {"process_executed", "Program started", "programs that a process turns into", false,
         {{kTracepoint, {"sched_process_exec"}, {"pt_process_exec"}, ""}}},
        {"process_exited", "Process gone", "that a process ended, and how", false,
         {{kTracepoint, {"sched_process_exit"}, {"pt_process_exit"}, ""}}},
        {"pipe_reader_closed", "Last reader of a pipe gone", "who closed a pipe's read end", false,
         {{kFentry, {"pipe_release"}, {"pt_pipe_release_fentry"}, ""},
          {kKprobe, {"pipe_release"}, {"pt_pipe_release_kprobe"}, ""},
          {kFdTables, {"sched_process_exec", "sched_process_exit"}, {"pt_process_exec", "pt_process_exit"},
           "a reader that closes the pipe and lives on, and which of several readers was the last"}}},
    };
}

std::vector<ObservationRow> unix_rows() {
    return {
        {"unix_closed",
         "End of a unix socket gone",
         "who closed the other end of a unix socket",
         false,
         {{kFentry, {"unix_release_sock"}, {"pt_unix_release_fentry"}, ""},
          {kKprobe, {"unix_release_sock"}, {"pt_unix_release_kprobe"}, ""},
          {kFdTables,
           {"sched_process_exec", "sched_process_exit"},
           {"pt_process_exec", "pt_process_exit"},
           "an end that is closed with nothing unread by a process that lives on"}}},
        {"unix_shut_down",
         "Unix socket shut down",
         "which end of a unix socket called shutdown()",
         false,
         {{kFentry, {"unix_shutdown"}, {"pt_unix_shutdown_fentry"}, ""},
          {kKprobe, {"unix_shutdown"}, {"pt_unix_shutdown_kprobe"}, ""}}},
        {"unix_receiver_gone",
         "Receiver of a unix datagram socket gone",
         "who had been at the other end of a connected unix datagram socket that is no pair's",
         false,
         {{kFentry, {"unix_dgram_disconnected"}, {"pt_unix_disconnected_fentry"}, ""},
          {kKprobe, {"unix_dgram_disconnected"}, {"pt_unix_disconnected_kprobe"}, ""}}},
    };
}

std::vector<ObservationRow> unix_call_rows() {
    return {
        {"unix_send_failed",
         "Send on a unix socket failed",
         "sends on unix sockets that fail without SIGPIPE (MSG_NOSIGNAL, datagrams, seqpackets)",
         false,
         {{kTracepoint, {"sock_send_length"}, {"pt_sock_send_length"}, "", nullptr, true},
          {kFexit,
           {"unix_stream_sendmsg", "unix_dgram_sendmsg", "unix_seqpacket_sendmsg"},
           {"pt_unix_stream_send_fexit", "pt_unix_dgram_send_fexit", "pt_unix_seqpacket_send_fexit"},
           "",
           nullptr,
           true},
          {kKretprobe,
           {"unix_stream_sendmsg", "unix_dgram_sendmsg", "unix_seqpacket_sendmsg"},
           {"pt_unix_stream_send_kretprobe", "pt_unix_dgram_send_kretprobe",
            "pt_unix_seqpacket_send_kretprobe"},
           "",
           nullptr,
           true}}},
        {"unix_receive_failed",
         "Receive on a unix socket failed",
         "receives on unix sockets that met ECONNRESET: the other end closed with data unread",
         false,
         {{kTracepoint, {"sock_recv_length"}, {"pt_sock_recv_length"}, "", nullptr, true},
          {kFexit,
           {"unix_stream_recvmsg", "unix_seqpacket_recvmsg"},
           {"pt_unix_stream_receive_fexit", "pt_unix_seqpacket_receive_fexit"},
           "",
           nullptr,
           true},
          {kKretprobe,
           {"unix_stream_recvmsg", "unix_seqpacket_recvmsg"},
           {"pt_unix_stream_receive_kretprobe", "pt_unix_seqpacket_receive_kretprobe"},
           "",
           nullptr,
           true}}},
    };
}

/// "unix_stream/dgram_sendmsg" for unix_stream_sendmsg and unix_dgram_sendmsg.
std::string joined_name(const std::vector<std::string_view>& targets) {
    const std::string_view first = targets.front();
    std::size_t begin = first.size();
    std::size_t end = first.size();
    for (const std::string_view other : targets) {
        const auto [differs, unused] = std::mismatch(first.begin(), first.end(), other.begin(), other.end());
        const auto [tail, unused_too] =
            std::mismatch(first.rbegin(), first.rend(), other.rbegin(), other.rend());
        begin = std::min<std::size_t>(begin, differs - first.begin());
        end = std::min<std::size_t>(end, tail - first.rbegin());
    }
    if (begin == first.size()) return std::string(first);
    begin = first.rfind('_', begin) + 1;
    const std::string_view ending = first.substr(std::min(first.find('_', first.size() - end), first.size()));
    std::string name(first.substr(0, begin));
    for (const std::string_view target : targets) {
        if (target != first) name += '/';
        name += target.substr(begin, target.size() - begin - ending.size());
    }
    return name + std::string(ending);
}

std::vector<ObservationRow> make_table() {
    std::vector<ObservationRow> table;
    for (auto rows :
         {reset_rows(), endpoint_rows(), error_rows(), process_rows(), unix_rows(), unix_call_rows()})
        table.insert(table.end(), rows.begin(), rows.end());
    return table;
}

}  // namespace

const std::vector<ObservationRow>& hook_table() {
    static const std::vector<ObservationRow> table = make_table();
    return table;
}

std::string hook_text(const HookChoice& choice) {
    const std::string target = joined_name(choice.targets);
    switch (choice.means) {
        case kFentry: return "fentry " + target;
        case kFexit:
            return "fexit " + target;
        case kKprobe: return "kprobe " + target;
        case kKretprobe:
            return "kretprobe " + target;
        case kTracepoint:
            return "tracepoint " + target;
        case kIterator:
            return "iterator " + target;
        case kFdTables:
            return "descriptor tables at exec and exit";
    }
    return target;
}

}  // namespace pipetrace
