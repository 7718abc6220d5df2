#include "store/incident_columns.h"

#include "store/names.h"

#include <algorithm>
#include <limits>
#include <string_view>

namespace pipetrace {
namespace {

constexpr std::int64_t kNsPerUs = 1000;
constexpr std::int64_t kMicrosecondsMax = std::numeric_limits<std::int64_t>::max() / kNsPerUs;

constexpr std::string_view kColumns =
    "id, revision, trace_id, time_us, host, role, pid, comm, exe, uid, cgroup, container, "
    "kind, local, local_port, remote, remote_port, errors, error_count, sigpipe, "
    "rst_direction, rst_state, rst_seq, first_close, idle_us, age_us, "
    "peer_pid, peer_comm, peer_action, peer_unread_bytes, peer_host, "
    "cause, confidence, severity, caused_by, burst, lost, first_ktime_ns, last_ktime_ns";
constexpr std::string_view kTextColumns = ", summary, advice";
constexpr std::string_view kTimeColumn = ", time";

const char* role_name(Role role) { return role == Role::kVictim ? "victim" : "origin"; }
const char* direction_name(bool received) { return received ? "received" : "sent"; }

/// NULL where there is no value.
template <typename E>
void add_name(Statement& statement, const std::optional<E>& value, const char* (*name_of)(E)) {
    if (value) {
        statement.add(std::string_view(name_of(*value)));
    } else {
        statement.add_null();
    }
}

template <typename E>
E read_name(Row& row, E last, const char* (*name_of)(E)) {
    const auto value = from_name(row.text(), last, name_of);
    if (!value) row.complain("names nothing that this pipetrace knows");
    return value.value_or(E{});
}

template <typename E>
std::optional<E> read_optional_name(Row& row, E last, const char* (*name_of)(E)) {
    if (row.take_null()) return std::nullopt;
    return read_name(row, last, name_of);
}

void bind_failure(Statement& statement, const IncidentRow& row) {
    statement.add(row.errors).add_number(row.error_count);
    add_name(statement, row.sigpipe, sigpipe_fate_name);
    add_name(statement, row.rst_received, direction_name);
    const std::string_view state = tcp_state_name(row.rst_state);
    if (state.empty()) {
        statement.add_null();
    } else {
        statement.add(state);
    }
    statement.add_number(row.rst_seq);
    add_name(statement, row.first_close, first_close_name);
    statement.add_number(row.idle_us).add_number(row.age_us);
}

void read_failure(Row& row, IncidentRow& incident) {
    row.read(incident.errors);
    incident.error_count = row.number<std::uint64_t>();
    incident.sigpipe = read_optional_name(row, SigpipeFate::kKilled, sigpipe_fate_name);
    incident.rst_received = read_optional_name(row, true, direction_name);
    incident.rst_state =
        read_optional_name(row, TcpState::kNewSynRecv, tcp_state_name).value_or(TcpState::kUnknown);
    incident.rst_seq = row.optional_number<std::uint32_t>();
    incident.first_close = read_optional_name(row, FirstClose::kNone, first_close_name);
    incident.idle_us = row.optional_number<std::uint64_t>();
    incident.age_us = row.optional_number<std::uint64_t>();
}

void read_process(Row& row, IncidentRow& incident) {
    incident.pid = row.optional_number<Tgid>();
    row.read(incident.comm);
    row.read(incident.exe);
    incident.uid = row.optional_number<std::uint32_t>();
    row.read(incident.cgroup);
    row.read(incident.container);
}

}  // namespace

std::string insert_incident_sql() {
    const std::string columns = std::string(kColumns) + std::string(kTextColumns) + std::string(kTimeColumn);
    std::string places;
    std::string changes;
    for (std::size_t at = 0; at < columns.size();) {
        const std::size_t comma = std::min(columns.find(',', at), columns.size());
        const std::string column = columns.substr(at, comma - at);
        at = std::min(columns.find_first_not_of(", ", comma), columns.size());
        places += places.empty() ? "?" : ",?";
        if (column == "id" || column == "trace_id") continue;  // they tell which row it is
        changes += (changes.empty() ? "" : ", ") + column + "=excluded." + column;
    }
    return "INSERT INTO incidents(" + columns + ") VALUES(" + places +
           ") ON CONFLICT(trace_id, id) DO UPDATE SET " + changes + " WHERE excluded.revision >= revision";
}

void bind_incident(Statement& statement, const IncidentRow& row, std::string_view time_text) {
    statement.add(row.id)
        .add_number(row.revision)
        .add(row.trace_id)
        .add(row.time.ns / kNsPerUs)
        .add(row.host);
    statement.add(std::string_view(role_name(row.role)))
        .add_number(row.pid)
        .add_text(row.comm)
        .add_text(row.exe);
    statement.add_number(row.uid).add_text(row.cgroup).add_text(row.container);
    statement.add(std::string_view(endpoint_kind_name(row.kind)))
        .add_text(row.local)
        .add_number(row.local_port);
    statement.add_text(row.remote).add_number(row.remote_port);
    bind_failure(statement, row);
    statement.add_number(row.peer_pid).add_text(row.peer_comm);
    add_name(statement, row.peer_action, peer_action_name);
    statement.add_number(row.peer_unread_bytes).add_text(row.peer_host);
    statement.add(std::string_view(cause_name(row.cause)))
        .add(std::string_view(confidence_name(row.confidence)));
    statement.add(std::string_view(severity_name(row.severity))).add_text(row.caused_by).add_text(row.burst);
    statement.add_number(row.lost).add_number(row.first.ns).add_number(row.last.ns);
    statement.add(row.summary).add(row.advice).add(time_text);
}

std::string select_incidents_sql(bool with_texts) {
    std::string sql = "SELECT ";
    sql += kColumns;
    if (with_texts) sql += kTextColumns;
    return sql + ", rowid FROM incidents";
}

std::int64_t read_incident(Row& row, IncidentRow& incident, bool with_texts) {
    row.read(incident.id);
    incident.revision = row.number<std::uint32_t>();
    incident.trace_id = row.number<std::int64_t>();
    incident.time.ns = row.integer(-kMicrosecondsMax, kMicrosecondsMax) * kNsPerUs;
    row.read(incident.host);
    incident.role = read_name(row, Role::kOrigin, role_name);
    read_process(row, incident);
    incident.kind = read_name(row, EndpointKind::kPipe, endpoint_kind_name);
    row.read(incident.local);
    incident.local_port = row.optional_number<std::uint16_t>();
    row.read(incident.remote);
    incident.remote_port = row.optional_number<std::uint16_t>();
    read_failure(row, incident);
    incident.peer_pid = row.optional_number<Tgid>();
    row.read(incident.peer_comm);
    incident.peer_action = read_optional_name(row, PeerAction::kNone, peer_action_name);
    incident.peer_unread_bytes = row.optional_number<std::uint32_t>();
    row.read(incident.peer_host);
    incident.cause = read_name(row, Cause::kUnknown, cause_name);
    incident.confidence = read_name(row, Confidence::kCertain, confidence_name);
    incident.severity = read_name(row, Severity::kFault, severity_name);
    row.read(incident.caused_by);
    row.read(incident.burst);
    incident.lost = row.number<std::uint64_t>();
    incident.first.ns = row.number<std::uint64_t>();
    incident.last.ns = row.number<std::uint64_t>();
    if (with_texts) {
        row.read(incident.summary);
        row.read(incident.advice);
    }
    return row.number<std::int64_t>();
}

std::size_t stored_bytes(const IncidentRow& row) {
    constexpr std::size_t kOtherColumns = 300;  // numbers, names, the time, and an entry of each index
    const auto size = [](const std::optional<std::string>& text) { return text ? text->size() : 0; };
    return kOtherColumns + 2 * row.id.size() + row.host.size() + size(row.comm) + size(row.exe) +
           size(row.cgroup) + size(row.container) + size(row.local) + size(row.remote) + row.errors.size() +
           size(row.peer_comm) + size(row.peer_host) + size(row.caused_by) + size(row.burst) +
           row.summary.size() + row.advice.size();
}

}  // namespace pipetrace
