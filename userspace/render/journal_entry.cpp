#include "render/journal_entry.h"

#include "model/errno_name.h"
#include "model/utc_text.h"
#include "render/headline.h"
#include "render/timeline_text.h"
#include "render/utf8.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace pipetrace {
namespace {

template <typename Number>
void add_number(JournalEntry& entry, std::string_view name, const std::optional<Number>& value) {
    if (value) entry.add(name, std::to_string(*value));
}

void add_text(JournalEntry& entry, std::string_view name, const std::optional<std::string>& value) {
    if (value && !value->empty()) entry.add(name, *value);
}

void add_head(JournalEntry& entry, const char* message_id, int priority, const std::string& message) {
    entry.add("MESSAGE", message);
    entry.add("MESSAGE_ID", message_id);
    entry.add("PRIORITY", std::to_string(priority));
    entry.add("SYSLOG_IDENTIFIER", "pipetrace");
}

/// "ssh[2211] read(fd 3) = ECONNRESET: peer_reset, likely: ..."
std::string message_of(const Incident& incident, bool is_correction) {
    const Verdict& verdict = incident.verdict;
    const bool is_known = verdict.confidence != Confidence::kUnknown;
    return terminal_safe(fmt::format("{}{} {}: {}{}: {}", is_correction ? "corrected: " : "",
                                     actor_text(incident), outcome_text(incident), cause_name(verdict.cause),
                                     is_known ? std::string(", ") + confidence_name(verdict.confidence) : "",
                                     verdict.summary));
}

void add_process(JournalEntry& entry, const InvolvedProcess& process) {
    add_text(entry, "PIPETRACE_PROCESS", process.comm);
    add_number(entry, "PIPETRACE_PID", process.tgid);
    add_number(entry, "PIPETRACE_UID", process.uid);
    add_text(entry, "PIPETRACE_EXE", process.details.exe);
    add_text(entry, "PIPETRACE_CONTAINER", process.details.container);
    add_text(entry, "PIPETRACE_POD", process.details.pod_uid);
    add_text(entry, "PIPETRACE_UNIT", process.details.unit);
    // `journalctl -u` and `systemctl status` show it beside the unit's own.
    add_text(entry, "OBJECT_SYSTEMD_UNIT", process.details.unit);
}

void add_peer(JournalEntry& entry, const Peer& peer) {
    add_text(entry, "PIPETRACE_PEER_PROCESS", peer.process.comm);
    add_number(entry, "PIPETRACE_PEER_PID", peer.process.tgid);
    add_text(entry, "PIPETRACE_PEER_CONTAINER", peer.process.details.container);
    add_text(entry, "PIPETRACE_PEER_UNIT", peer.process.details.unit);
    if (peer.action) entry.add("PIPETRACE_PEER_ACTION", peer_action_name(*peer.action));
    add_text(entry, "PIPETRACE_PEER_HOST", peer.host);
}

void add_errors(JournalEntry& entry, const Incident& incident) {
    std::vector<int> told;
    for (const CallError& error : incident.errors) {
        if (std::find(told.begin(), told.end(), error.error) != told.end()) continue;
        told.push_back(error.error);
        entry.add("PIPETRACE_ERRNO", errno_name(error.error));
    }
    if (incident.sigpipe) entry.add("PIPETRACE_SIGPIPE", sigpipe_fate_name(*incident.sigpipe));
}

std::string plural(std::uint64_t count) {
    return count == 1 ? "1 incident more is" : fmt::format("{} incidents more are", count);
}

}  // namespace

int journal_priority(Severity severity) {
    switch (severity) {
        case Severity::kFault: return kJournalWarning;
        case Severity::kWarning: return kJournalNotice;
        case Severity::kBenign: break;
    }
    return kJournalInfo;
}

void JournalEntry::add(std::string_view name, std::string_view value) {
    text += name;
    text += '=';
    text += value;
    ends.push_back(text.size());
}

JournalEntry journal_entry(const Incident& incident, const ClockOffsets& clocks, bool is_correction) {
    const Verdict& verdict = incident.verdict;
    JournalEntry entry;
    add_head(entry, kIncidentMessageId, journal_priority(verdict.severity),
             message_of(incident, is_correction));
    entry.add("PIPETRACE_ID", incident.id);
    entry.add("PIPETRACE_REVISION", std::to_string(incident.revision));
    entry.add("PIPETRACE_TIME", utc_text(clocks.wall(incident.at)).view());
    entry.add("PIPETRACE_ROLE", incident.role == Role::kVictim ? "victim" : "origin");
    entry.add("PIPETRACE_CAUSE", cause_name(verdict.cause));
    entry.add("PIPETRACE_CONFIDENCE", confidence_name(verdict.confidence));
    entry.add("PIPETRACE_SEVERITY", severity_name(verdict.severity));
    add_process(entry, incident.process);
    entry.add("PIPETRACE_KIND", endpoint_kind_name(incident.endpoint.kind));
    add_text(entry, "PIPETRACE_LOCAL", incident.endpoint.local);
    add_text(entry, "PIPETRACE_REMOTE", incident.endpoint.remote);
    add_errors(entry, incident);
    if (incident.peer) add_peer(entry, *incident.peer);
    entry.add("PIPETRACE_SUMMARY", terminal_safe(verdict.summary));
    entry.add("PIPETRACE_ADVICE", terminal_safe(verdict.advice));
    add_text(entry, "PIPETRACE_CAUSED_BY", incident.caused_by);
    if (incident.burst) entry.add("PIPETRACE_BURST", incident.burst->id);
    if (incident.sampled)
        entry.add("PIPETRACE_SAMPLED_MILLIONTHS", std::to_string(incident.sampled->share_millionths));
    return entry;
}

void UntoldIncidents::add(const Verdict& verdict) {
    ++by_cause[static_cast<std::size_t>(verdict.cause)];
    ++count;
    gravest = std::max(gravest, verdict.severity);
}

JournalEntry untold_entry(const UntoldIncidents& untold) {
    std::vector<std::size_t> causes;
    for (std::size_t i = 0; i < kCauseCount; ++i) {
        if (untold.by_cause[i] > 0) causes.push_back(i);
    }
    std::stable_sort(causes.begin(), causes.end(),
                     [&](std::size_t a, std::size_t b) { return untold.by_cause[a] > untold.by_cause[b]; });
    std::string counts;
    for (const std::size_t cause : causes) {
        counts += fmt::format("{}{} {}", counts.empty() ? "" : ", ", untold.by_cause[cause],
                              cause_name(static_cast<Cause>(cause)));
    }
    JournalEntry entry;
    add_head(entry, kUntoldMessageId, journal_priority(untold.gravest),
             fmt::format("{} told in the recording and in no entry here: {}", plural(untold.count), counts));
    entry.add("PIPETRACE_UNTOLD", std::to_string(untold.count));
    entry.add("PIPETRACE_SEVERITY", severity_name(untold.gravest));
    for (const std::size_t cause : causes) {
        entry.add("PIPETRACE_CAUSE", cause_name(static_cast<Cause>(cause)));
    }
    return entry;
}

}  // namespace pipetrace
