// The spellings of the contract and of the kernel, in one place.
#include "model/burst.h"
#include "model/endpoint.h"
#include "model/incident.h"
#include "model/options.h"
#include "model/reset_reason.h"
#include "model/verdict.h"

#include <algorithm>
#include <iterator>
#include <string>

namespace pipetrace {
namespace {

constexpr const char* kCauseNames[kCauseCount] = {
    "write_after_peer_close",
    "close_race",
    "peer_closed_unread_data",
    "peer_abortive_close",
    "peer_process_died",
    "idle_connection_reset",
    "peer_reset",
    "connection_refused",
    "firewall_reset",
    "forged_reset",
    "retransmission_timeout",
    "user_timeout",
    "keepalive_timeout",
    "unreachable",
    "local_shutdown",
    "local_abort",
    "not_connected",
    "write_after_error",
    "pipe_reader_closed",
    "pipe_reader_died",
    "unix_peer_closed",
    "unix_peer_unread_data",
    "unix_peer_died",
    "closed_with_unread_data",
    "abortive_close",
    "late_data_after_close",
    "no_socket",
    "unknown",
};

constexpr const char* kEndpointKindNames[] = {"", "tcp", "unix", "pipe"};
constexpr const char* kTcpStateNames[] = {
    "",      "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2",   "TIME_WAIT",
    "CLOSE", "CLOSE_WAIT",  "LAST_ACK", "LISTEN",   "CLOSING",   "NEW_SYN_RECV"};
constexpr const char* kConfidenceNames[] = {"unknown", "likely", "certain"};
constexpr const char* kSeverityNames[] = {"benign", "warning", "fault"};
constexpr const char* kFateNames[] = {"none", "suppressed", "ignored", "blocked", "handled", "killed"};
constexpr const char* kFirstCloseNames[] = {"peer", "local", "none"};
constexpr const char* kSideNames[] = {"local", "peer", "network"};
constexpr const char* kModeNames[] = {"full", "kprobe", "tracepoint"};
constexpr const char* kBurstPatternNames[] = {"same_idle_age", "one_instant", "no_bytes", "alike"};
constexpr const char* kActionNames[] = {"close", "shutdown", "exit", "killed", "abort", "none"};

constexpr const char* kResetReasonNames[kResetReasonCount] = {"NOT_SPECIFIED",
                                             "NO_SOCKET",
                                             "TCP_INVALID_ACK_SEQUENCE",
                                             "TCP_RFC7323_PAWS",
                                             "TCP_TOO_OLD_ACK",
                                             "TCP_ACK_UNSENT_DATA",
                                             "TCP_FLAGS",
                                             "TCP_OLD_ACK",
                                             "TCP_ABORT_ON_DATA",
                                             "TCP_TIMEWAIT_SOCKET",
                                             "INVALID_SYN",
                                             "TCP_ABORT_ON_CLOSE",
                                             "TCP_ABORT_ON_LINGER",
                                             "TCP_ABORT_ON_MEMORY",
                                             "TCP_STATE",
                                             "TCP_KEEPALIVE_TIMEOUT",
                                             "TCP_DISCONNECT_WITH_DATA"};

template <typename Enum, std::size_t N>
const char* name_in(const char* const (&names)[N], Enum value) {
    const auto index = static_cast<std::size_t>(value);
    return index < N ? names[index] : "";
}

template <typename Enum, std::size_t N>
std::optional<Enum> value_in(const char* const (&names)[N], std::string_view name) {
    const auto* found = std::find(std::begin(names), std::end(names), name);
    if (found == std::end(names)) return std::nullopt;
    return static_cast<Enum>(found - std::begin(names));
}

}  // namespace

const char* endpoint_kind_name(EndpointKind kind) { return name_in(kEndpointKindNames, kind); }
const char* tcp_state_name(TcpState state) { return name_in(kTcpStateNames, state); }
const char* cause_name(Cause cause) { return name_in(kCauseNames, cause); }
std::optional<Cause> cause_from_name(std::string_view name) { return value_in<Cause>(kCauseNames, name); }
const char* confidence_name(Confidence confidence) { return name_in(kConfidenceNames, confidence); }
const char* severity_name(Severity severity) { return name_in(kSeverityNames, severity); }
std::optional<Severity> severity_from_name(std::string_view name) {
    return value_in<Severity>(kSeverityNames, name);
}
const char* sigpipe_fate_name(SigpipeFate fate) { return name_in(kFateNames, fate); }
const char* first_close_name(FirstClose who) { return name_in(kFirstCloseNames, who); }
const char* side_name(Side side) { return name_in(kSideNames, side); }
std::string listen_address_text(const ListenAddress& address) {
    const bool is_ipv6 = address.host.find(':') != std::string::npos;
    return (is_ipv6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}
const char* mode_name(Mode mode) { return name_in(kModeNames, mode); }
const char* reset_reason_name(int reason) {
    const bool is_known = reason >= 0 && reason < static_cast<int>(kResetReasonCount);
    return is_known ? kResetReasonNames[reason] : nullptr;
}
const char* burst_pattern_name(BurstPattern pattern) { return name_in(kBurstPatternNames, pattern); }
const char* peer_action_name(PeerAction action) { return name_in(kActionNames, action); }

std::string UnixName::text() const {
    std::string name(bytes.data(), std::min<std::size_t>(length, bytes.size()));
    if (name.empty() || name.front() != '\0') return name.substr(0, name.find('\0'));
    name.front() = '@';
    return name;
}

}  // namespace pipetrace
