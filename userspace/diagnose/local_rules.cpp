// What ended the socket without a RST: its own side.
#include "diagnose/rules.h"

#include "diagnose/wording.h"

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

namespace pipetrace {
namespace {

using MaybeConfidence = std::optional<Confidence>;

bool met_epipe(const Incident& incident) {
    for (const CallError& error : incident.errors) {
        if (error.error == EPIPE) return true;
    }
    return incident.sigpipe.value_or(SigpipeFate::kNone) > SigpipeFate::kNone;
}

MaybeConfidence shutdown_applies(const Incident& incident) {
    if (incident.endpoint.kind == EndpointKind::kUnix) return unix_shutdown_applies(incident);
    const bool follows = met_epipe(incident) || incident.facts.answered_late_data;
    if (!follows || (incident.facts.shutdown & kSendShutdown) == 0) return std::nullopt;
    // A live state with the send side shut cannot come from the network; CLOSE can.
    const bool live = incident.endpoint.state != TcpState::kClose;
    const bool network_may_have = incident.lost > 0 && !live;
    // A RST shuts the socket too.
    if (!incident.facts.resets_seen && (!live || incident.facts.pending_error != 0)) return std::nullopt;
    if (incident.facts.own_closure.known() && !network_may_have) return Confidence::kCertain;
    return live ? MaybeConfidence(Confidence::kCertain) : std::nullopt;
}
std::string shutdown_why_not(const Incident&) { return "its sending side was not shut down by itself"; }
std::string shutdown_summary(const Incident& incident) {
    const Task& by = incident.facts.own_closure.by;
    const bool other = by.known() && by.process != incident.process.identity;
    if (incident.facts.answered_late_data) {
        return fmt::format("{} had shut this socket down{} and kept it; the peer still sent, which the kernel answered "
                           "with a RST, and {} was told {}.",
                           other ? fmt::format("{}[{}], which shares it,", by.process_comm.view(), by.process.tgid)
                                 : victim_name(incident) + " itself",
                           earlier_text(incident, incident.facts.own_closure.at), victim_name(incident),
                           told_text(incident));
    }
    return fmt::format("{} had shut down the sending side of this socket{}, and {} then wrote to it.",
                       other ? fmt::format("{}[{}], which shares it,", by.process_comm.view(),
                                           by.process.tgid)
                             : victim_name(incident) + " itself",
                       earlier_text(incident, incident.facts.own_closure.at),
                       other ? victim_name(incident) : "it");
}
std::string shutdown_advice(const Incident& incident) {
    return "After shutdown(SHUT_WR) nothing may be written: look for a second user of the socket, or for "
           "a late flush." +
           sigpipe_advice(incident);
}

MaybeConfidence unconnected_applies(const Incident& incident) {
    if (incident.endpoint.kind == EndpointKind::kUnix) return unix_unconnected_applies(incident);
    if (incident.facts.was_connected || incident.endpoint.remote) return std::nullopt;
    if (incident.endpoint.state != TcpState::kClose || incident.errors.empty()) return std::nullopt;
    return Confidence::kCertain;
}
std::string unconnected_why_not(const Incident&) { return "the socket had been connected"; }
std::string unconnected_summary(const Incident& incident) {
    return fmt::format("{} wrote to a {} socket that {} connected.", victim_name(incident),
                       incident.endpoint.kind == EndpointKind::kUnix ? "unix" : "TCP",
                       incident.lost == 0 ? "was never" : "is not");
}
std::string unconnected_advice(const Incident& incident) {
    return "Check the result of connect() before writing, and which descriptor is written to." +
           sigpipe_advice(incident);
}

/// The error was still on the socket, or a call of this trace took it: no program had been told of it before.
bool told_within_trace(const Incident& incident) {
    const bool was_pending = incident.facts.at_error && incident.facts.at_error->error != 0;
    return was_pending || std::any_of(incident.errors.begin(), incident.errors.end(),
                                      [](const CallError& told) { return told.error != EPIPE; });
}

MaybeConfidence old_error_applies(const Incident& incident) {
    if (!incident.facts.older_than_trace || !met_epipe(incident) || incident.lost > 0) return std::nullopt;
    if (told_within_trace(incident)) return std::nullopt;
    if (incident.endpoint.state != TcpState::kClose || incident.facts.own_closure.known()) {
        return std::nullopt;
    }
    return Confidence::kLikely;
}
std::string old_error_why_not(const Incident& incident) {
    if (incident.lost > 0) return "events were lost, and what ended the connection may be among them";
    return incident.facts.older_than_trace ? "no error had been reported before the trace began"
                                           : "the socket was sound when the trace began";
}
std::string old_error_summary(const Incident& incident) {
    return fmt::format("The connection had ended before the trace began; {} was told of it {}, and wrote again.",
                       victim_name(incident),
                       incident.facts.receives_seen
                           ? "then"
                           : "then, or since by a receiving call, which this mode does not show");
}
std::string old_error_advice(const Incident& incident) {
    return "After the first error close the socket; trace from before the connection to see what ended "
           "it." +
           sigpipe_advice(incident);
}

MaybeConfidence destroyed_applies(const Incident& incident) {
    const bool seen = incident.facts.own_closure.path == ClosePath::kDestroyed;
    if (!seen && incident.facts.pending_error != ECONNABORTED) return std::nullopt;
    return Confidence::kCertain;
}
std::string destroyed_why_not(const Incident&) { return "nobody destroyed the socket from outside"; }
std::string destroyed_summary(const Incident& incident) {
    const Task& by = incident.facts.own_closure.by;
    return fmt::format("{} destroyed this socket of {} from outside{} (SOCK_DESTROY, as `ss -K` does); the "
                       "peer was sent a RST.",
                       by.known() ? fmt::format("{}[{}]", by.process_comm.view(), by.process.tgid) : "Somebody",
                       victim_name(incident), earlier_text(incident, incident.facts.own_closure.at));
}
std::string destroyed_advice(const Incident& incident) {
    return "Ask who runs that program what it ends connections for (a network manager, a container runtime, an "
           "administrator); connect again." +
           sigpipe_advice(incident);
}

}  // namespace

Rule local_abort_rule() {
    return {Cause::kLocalAbort, {Family::kTcpNoReset}, Severity::kWarning, destroyed_applies, destroyed_why_not,
            destroyed_summary, destroyed_advice, "local:closed network:error_raised local:call_failed"};
}

Rule local_shutdown_rule() {
    return {Cause::kLocalShutdown, {Family::kTcpNoReset, Family::kUnix},
            Severity::kFault,      shutdown_applies,
            shutdown_why_not,      shutdown_summary,
            shutdown_advice,       "local:shut_down local:closed local:call_failed"};
}

Rule not_connected_rule() {
    return {Cause::kNotConnected, {Family::kTcpNoReset, Family::kUnix},
            Severity::kFault,     unconnected_applies,
            unconnected_why_not,  unconnected_summary,
            unconnected_advice,   "local:call_failed"};
}

Rule write_after_error_rule() {
    return {Cause::kWriteAfterError, {Family::kTcpNoReset}, Severity::kFault, old_error_applies, old_error_why_not, old_error_summary, old_error_advice,
            "local:call_failed"};
}

}  // namespace pipetrace
