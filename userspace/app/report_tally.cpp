#include "app/report_tally.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

namespace pipetrace {
namespace {

constexpr std::int64_t kSecondNs = 1'000'000'000;
/// Linux hands out ports from here on for connections that ask for none (ip_local_port_range).
constexpr std::uint16_t kPassingPortMin = 32768;

std::int64_t slice_of(WallTime at, std::int64_t slice_seconds) {
    const std::int64_t size_ns = slice_seconds * kSecondNs;
    const std::int64_t slice = at.ns / size_ns;
    return at.ns % size_ns < 0 ? slice - 1 : slice;
}

bool is_more_serious(const IncidentGroup& a, const IncidentGroup& b) {
    for (const Severity severity : {Severity::kFault, Severity::kWarning, Severity::kBenign}) {
        const std::uint64_t of_a = count_of(a.by_severity, severity);
        const std::uint64_t of_b = count_of(b.by_severity, severity);
        if (of_a != of_b) return of_a > of_b;
    }
    return a.name < b.name;
}

std::vector<IncidentGroup> sorted(const std::unordered_map<std::string, IncidentGroup>& groups) {
    std::vector<IncidentGroup> list;
    for (const auto& [name, group] : groups) list.push_back(group);
    std::sort(list.begin(), list.end(), is_more_serious);
    return list;
}

/// Without the port that a client got by chance, which would make a group of each connection.
std::string_view address_of(const IncidentRow& row) {
    const std::string_view remote = *row.remote;
    const bool is_client =
        row.remote_port.value_or(0) >= kPassingPortMin && row.local_port.value_or(0) < kPassingPortMin;
    return is_client ? remote.substr(0, remote.rfind(':')) : remote;
}

}  // namespace

std::string peer_name(const IncidentRow& row) {
    std::string name;
    if (row.kind == EndpointKind::kTcp && row.remote) name = address_of(row);
    if (row.kind == EndpointKind::kUnix && row.remote) name = *row.remote;
    if (row.peer_comm) name += (name.empty() ? "" : " ") + *row.peer_comm;
    if (row.peer_host) name += " on " + *row.peer_host;
    if (name.empty()) name = row.kind == EndpointKind::kPipe ? "a pipe's reader, not seen" : "not known";
    return name;
}

void ReportTally::add(const IncidentRow& row) {
    ++totals_.by_severity[static_cast<std::size_t>(row.severity)];
    if (!totals_.first || row.time < *totals_.first) totals_.first = row.time;
    if (!totals_.last || row.time > *totals_.last) totals_.last = row.time;
    count(causes_, cause_name(row.cause), row);
    if (!count(processes_, row.comm.value_or("no process"), row)) ++totals_.processes_unnamed;
    if (!count(peers_, peer_name(row), row)) ++totals_.peers_unnamed;
    count_in_time(row);
}

/// False: the name is one more than are kept apart.
bool ReportTally::count(Groups& groups, const std::string& name, const IncidentRow& row) {
    auto found = groups.find(name);
    if (found == groups.end()) {
        if (groups.size() >= kNamesMax) return false;
        found = groups.emplace(name, IncidentGroup{}).first;
        found->second.name = name;
    }
    IncidentGroup& group = found->second;
    const bool is_first = total_of(group.by_severity) == 0;
    ++group.by_severity[static_cast<std::size_t>(row.severity)];
    ++group.by_cause[static_cast<std::size_t>(row.cause)];
    if (is_first || row.severity > group.worst ||
        (row.severity == group.worst && row.time >= group.worst_at)) {
        group.worst = row.severity;
        group.worst_at = row.time;
        group.worst_id = row.id;
    }
    group.last = is_first ? row.time : std::max(group.last, row.time);
    return true;
}

void ReportTally::count_in_time(const IncidentRow& row) {
    const auto severity = static_cast<std::size_t>(row.severity);
    ++totals_.by_time[slice_of(row.time, totals_.slice_seconds)][severity];
    while (totals_.by_time.size() > kSlicesMax) coarsen();
}

void ReportTally::coarsen() {
    std::map<std::int64_t, SeverityCounts> coarser;
    for (const auto& [slice, counts] : totals_.by_time) {
        SeverityCounts& sum = coarser[slice >= 0 ? slice / 2 : (slice - 1) / 2];
        for (std::size_t i = 0; i < counts.size(); ++i) sum[i] += counts[i];
    }
    totals_.by_time = std::move(coarser);
    totals_.slice_seconds *= 2;
}

void ReportTally::fill(Postmortem& postmortem) const {
    postmortem.first = totals_.first;
    postmortem.last = totals_.last;
    postmortem.by_severity = totals_.by_severity;
    postmortem.causes = sorted(causes_);
    postmortem.processes = sorted(processes_);
    postmortem.peers = sorted(peers_);
    postmortem.processes_unnamed = totals_.processes_unnamed;
    postmortem.peers_unnamed = totals_.peers_unnamed;
    postmortem.slice_seconds = totals_.slice_seconds;
    postmortem.by_time = totals_.by_time;
}

}  // namespace pipetrace
