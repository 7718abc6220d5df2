#include "model/incident_row.h"

#include "model/errno_name.h"

#include <algorithm>
#include <charconv>

namespace pipetrace {
namespace {

void fill_process(const Incident& incident, IncidentRow& row) {
    row.pid = incident.process.tgid;
    row.comm = incident.process.comm;
    row.exe = incident.process.details.exe;
    row.uid = incident.process.uid;
    row.cgroup = incident.process.details.cgroup;
    row.container = incident.process.details.container;
}

void fill_endpoint(const EndpointStory& endpoint, IncidentRow& row) {
    row.kind = endpoint.kind;
    row.local = endpoint.local;
    row.remote = endpoint.remote;
    row.idle_us = endpoint.idle_us;
    row.age_us = endpoint.age_us;
    if (endpoint.kind != EndpointKind::kTcp) return;  // a unix path may end in ":80"
    row.local_port = port_of_address(endpoint.local);
    row.remote_port = port_of_address(endpoint.remote);
}

void fill_failure(const Incident& incident, IncidentRow& row) {
    for (const CallError& error : incident.errors) {
        if (!row.errors.empty()) row.errors += ',';
        row.errors += errno_name(error.error);
        row.error_count += error.count;
    }
    row.sigpipe = incident.sigpipe;
    row.first_close = incident.first_close;
    if (!incident.rst) return;
    row.rst_received = incident.rst->received;
    row.rst_state = incident.rst->state;
    row.rst_seq = incident.rst->seq;
}

void fill_peer(const std::optional<Peer>& peer, IncidentRow& row) {
    if (!peer) return;
    row.peer_pid = peer->process.tgid;
    row.peer_comm = peer->process.comm;
    row.peer_action = peer->action;
    row.peer_unread_bytes = peer->unread_bytes;
    row.peer_host = peer->host;
}

void fill_verdict(const Verdict& verdict, IncidentRow& row) {
    row.cause = verdict.cause;
    row.confidence = verdict.confidence;
    row.severity = verdict.severity;
    row.summary = verdict.summary;
    row.advice = verdict.advice;
}

void fill_span(const Incident& incident, IncidentRow& row) {
    row.first = incident.at;
    row.last = incident.at;
    for (const TimelineEntry& entry : incident.timeline) {
        if (!entry.at.known()) continue;
        row.first = std::min(row.first, entry.at);
        row.last = std::max(row.last, entry.at);
    }
}

}  // namespace

IncidentRow incident_row_of(const Incident& incident, const HostIdentity& host, const ClockOffsets& clocks,
                            std::int64_t trace_id) {
    constexpr std::int64_t kNsPerUs = 1000;
    IncidentRow row;
    row.id = incident.id;
    row.revision = incident.revision;
    row.trace_id = trace_id;
    row.time.ns = clocks.wall(incident.at).ns / kNsPerUs * kNsPerUs;
    row.host = host.name;
    row.role = incident.role;
    row.caused_by = incident.caused_by;
    if (incident.burst) row.burst = incident.burst->id;
    row.lost = incident.lost;
    fill_process(incident, row);
    fill_endpoint(incident.endpoint, row);
    fill_failure(incident, row);
    fill_peer(incident.peer, row);
    fill_verdict(incident.verdict, row);
    fill_span(incident, row);
    return row;
}

std::optional<std::uint16_t> port_of_address(const std::optional<std::string>& address) {
    if (!address) return std::nullopt;
    const std::size_t colon = address->rfind(':');
    if (colon == std::string::npos) return std::nullopt;
    std::uint16_t port = 0;
    const char* end = address->data() + address->size();
    const auto parsed = std::from_chars(address->data() + colon + 1, end, port);
    if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
    return port;
}

}  // namespace pipetrace
