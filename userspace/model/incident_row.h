// An incident as a recording keeps it for queries: plain columns, the verdict of the version that recorded.
#pragma once

#include "model/endpoint.h"
#include "model/incident.h"
#include "model/ktime.h"
#include "model/process.h"
#include "model/verdict.h"

#include <cstdint>
#include <optional>
#include <string>

namespace pipetrace {

struct IncidentRow {
    std::string id;
    std::uint32_t revision = 0;
    std::int64_t trace_id = 0;
    WallTime time;  ///< whole microseconds
    std::string host;
    Role role = Role::kVictim;
    std::optional<Tgid> pid;
    std::optional<std::string> comm;
    std::optional<std::string> exe;
    std::optional<std::uint32_t> uid;
    std::optional<std::string> cgroup;
    std::optional<std::string> container;
    EndpointKind kind = EndpointKind::kTcp;
    std::optional<std::string> local;  ///< as incident.schema.json has it, with the port
    std::optional<std::uint16_t> local_port;
    std::optional<std::string> remote;
    std::optional<std::uint16_t> remote_port;
    std::string errors;             ///< what the program was told, in order: "ECONNRESET,EPIPE"
    std::uint64_t error_count = 0;  ///< calls that failed, repeats counted
    std::optional<SigpipeFate> sigpipe;
    std::optional<bool> rst_received;  ///< false: sent; none: no RST
    TcpState rst_state = TcpState::kUnknown;
    std::optional<std::uint32_t> rst_seq;
    std::optional<FirstClose> first_close;
    std::optional<std::uint64_t> idle_us;
    std::optional<std::uint64_t> age_us;
    std::optional<Tgid> peer_pid;
    std::optional<std::string> peer_comm;
    std::optional<PeerAction> peer_action;
    std::optional<std::uint32_t> peer_unread_bytes;
    std::optional<std::string> peer_host;
    Cause cause = Cause::kUnknown;
    Confidence confidence = Confidence::kUnknown;
    Severity severity = Severity::kWarning;
    std::string summary;
    std::string advice;
    std::optional<std::string> caused_by;
    std::optional<std::string> burst;
    std::uint64_t lost = 0;
    Ktime first;  ///< what its timeline spans
    Ktime last;
};

/// As of the trace `trace_id`, whose host and clocks those are.
IncidentRow incident_row_of(const Incident& incident, const HostIdentity& host, const ClockOffsets& clocks,
                            std::int64_t trace_id);

/// "127.0.0.1:80", "[::1]:80" -> 80; nothing where there is none.
std::optional<std::uint16_t> port_of_address(const std::optional<std::string>& address);

}  // namespace pipetrace
