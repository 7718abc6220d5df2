// What the peer did, and its kernel answered with a RST.
#include "diagnose/rules.h"

#include "diagnose/reset_facts.h"
#include "diagnose/wording.h"
#include "model/quantity_text.h"
#include "model/reset_reason.h"

#include <fmt/format.h>

namespace pipetrace {
namespace {

using MaybeConfidence = std::optional<Confidence>;

// --- connection_refused ---

/// Somebody listens, and took no more (tcp_abort_on_overflow).
bool refused_by_socket(const Incident& incident) {
    return incident.facts.peer_reset && incident.facts.peer_reset->endpoint.id != 0;
}

MaybeConfidence refused_applies(const Incident& incident) {
    if (incident.endpoint.kind == EndpointKind::kUnix) return unix_refused_applies(incident);
    if (!arrived_in(incident, TcpState::kSynSent)) return std::nullopt;
    // Seen to be answered for want of a socket; from elsewhere a filter can answer just so.
    return incident.facts.peer_reset && !refused_by_socket(incident) ? Confidence::kCertain : Confidence::kLikely;
}
std::string refused_why_not(const Incident&) { return "the connection had been established"; }
std::string refused_summary(const Incident& incident) {
    if (incident.endpoint.kind == EndpointKind::kUnix) {
        return fmt::format("Nobody receives at {}: no socket is bound to that name; {} was told {}.",
                           incident.endpoint.remote.value_or("that address"), victim_name(incident),
                           told_text(incident));
    }
    const std::string at = incident.endpoint.remote.value_or("that address") + on_host(incident);
    if (refused_by_socket(incident)) {
        return fmt::format("The listener at {} did not take the connection: its kernel answered {}'s SYN with a RST.", at,
                           victim_name(incident));
    }
    return fmt::format("Nobody listens at {}: its kernel answered {}'s SYN with a RST.", at, victim_name(incident));
}
std::string refused_advice(const Incident&) {
    return "Start the server, or correct the address or port; if it is starting up, retry with a pause.";
}

// --- peer_process_died ---

MaybeConfidence died_applies(const Incident& incident) {
    const Closure& closure = incident.facts.peer_closure;
    if (!closure.known() || !closure.exiting || closure.signal == 0) return std::nullopt;
    return Confidence::kCertain;
}
std::string died_why_not(const Incident& incident) {
    return or_else(not_seen_from_here(incident), "the peer's process was not killed");
}
std::string died_summary(const Incident& incident) {
    const std::string told =
        incident.errors.empty() ? "" : fmt::format(", and {} was told {}", victim_name(incident), told_text(incident));
    return fmt::format("{} was killed by {} with the connection open{}; its kernel closed it{}.",
                       peer_name(incident), killer_text(incident.facts.peer_closure),
                       earlier_text(incident, incident.facts.peer_closure.at), told);
}
std::string died_advice(const Incident& incident) {
    return fmt::format("Find out what killed {} (kernel log, OOM killer, service manager).{}",
                       peer_name(incident), sigpipe_advice(incident));
}

/// Nothing where it came before the trace, or not at all.
Ktime fin_received_at(const Incident& incident) {
    for (const TimelineEntry& entry : incident.timeline) {
        if (entry.event == "fin_received" && entry.time_known) return entry.at;
    }
    return {};
}

// --- peer_closed_unread_data ---

MaybeConfidence unread_applies(const Incident& incident) {
    if (!incident.rst || !peer_aborted(incident) || peer_gave_up_waiting(incident)) return std::nullopt;
    if (kernel_gave_up(incident)) return std::nullopt;
    // MPTCP gives this reason to SO_LINGER 0 too (mptcp_do_fastclose, 6.12 to 7.2).
    const Closure& closure = incident.facts.peer_closure;
    const bool gave_reason = sent_abort(incident) && incident.facts.peer_reset->reason == kResetAbortOnClose;
    const bool said_so =
        closure.known() && closure.path == ClosePath::kClose && (gave_reason || closure.unread_uncounted);
    if (!said_so && unread_at_peer(incident) == 0) return std::nullopt;
    return Confidence::kCertain;
}
std::string unread_why_not(const Incident& incident) {
    return or_else(not_seen_from_here(incident), "nothing lay unread at the peer when it closed");
}
std::string unread_summary(const Incident& incident) {
    const std::uint32_t unread = unread_at_peer(incident);
    const Ktime fin = fin_received_at(incident);
    if (fin.known() && fin < incident.facts.peer_closure.at) {
        return fmt::format("{} had ended its sending{} (its FIN came), and closed the connection{} with {} from {} "
                           "unread: its kernel sent RST.",
                           peer_name(incident), earlier_text(incident, fin),
                           earlier_text(incident, incident.facts.peer_closure.at),
                           unread != 0 ? byte_count_text(unread) : "data", victim_name(incident));
    }
    return fmt::format("{} closed the connection{} with {} from {} unread, so its kernel sent RST "
                       "instead of FIN.",
                       peer_name(incident), earlier_text(incident, incident.facts.peer_closure.at),
                       unread != 0 ? byte_count_text(unread) : "data", victim_name(incident));
}
std::string unread_advice(const Incident& incident) {
    if (incident.facts.passive) {
        return fmt::format(
            "{} left before it had read all that was sent to it, as clients do at a timeout or when "
            "a transfer is cancelled: look there for the reason, and expect here that one leaves.{}",
            peer_name(incident), sigpipe_advice(incident));
    }
    const std::string look = incident.facts.sent_after_fin == true
                                 ? fmt::format(" {} wrote on after its FIN: a read that returns 0 (or POLLRDHUP) shows it.",
                                               victim_name(incident))
                                 : "";
    return fmt::format(
        "Have {} read to the end of what it is sent before it closes: shutdown(SHUT_WR), read "
        "until 0, then close (a lingering close).{}{}",
        peer_name(incident), look, sigpipe_advice(incident));
}

// --- peer_abortive_close ---

MaybeConfidence abort_applies(const Incident& incident) {
    if (!incident.rst || !peer_aborted(incident)) return std::nullopt;
    if (peer_gave_up_waiting(incident) || peer_may_have_given_up(incident) || kernel_gave_up(incident)) {
        return std::nullopt;
    }
    const Closure& closure = incident.facts.peer_closure;
    return closure.known() && closure.path != ClosePath::kClose ? Confidence::kCertain : Confidence::kLikely;
}
std::string abort_why_not(const Incident& incident) {
    if (peer_gave_up_waiting(incident)) return "the peer's program had closed it in order before";
    if (kernel_gave_up(incident)) return "the peer's kernel gave the connection up by itself";
    if (peer_may_have_given_up(incident)) return "how the peer's program had left the connection was not seen";
    return or_else(not_seen_from_here(incident), "the peer's kernel did not abort its connection");
}
const char* path_text(ClosePath path) {
    switch (path) {
        case ClosePath::kLingerZero: return "SO_LINGER with a time of 0";
        case ClosePath::kDisconnect: return "connect() to AF_UNSPEC";
        case ClosePath::kListener: return "its listener was closed before it was accepted";
        case ClosePath::kDestroyed: return "its socket was destroyed from outside, as `ss -K` does";
        case ClosePath::kRepair:
        case ClosePath::kClose: break;
    }
    return "how is not known";
}
std::string abort_summary(const Incident& incident) {
    const Closure& closure = incident.facts.peer_closure;
    if (closure.path == ClosePath::kDestroyed && closure.by.known()) {
        return fmt::format("{}[{}] destroyed the socket of {} from outside{} (SOCK_DESTROY, as `ss -K` does): its "
                           "kernel sent RST.",
                           closure.by.process_comm.view(), closure.by.process.tgid, peer_name(incident),
                           earlier_text(incident, closure.at));
    }
    return fmt::format("{} threw the connection away{} ({}): its kernel sent RST instead of FIN.",
                       peer_name(incident), earlier_text(incident, incident.facts.peer_closure.at),
                       path_text(incident.facts.peer_closure.path));
}
std::string abort_advice(const Incident& incident) {
    if (incident.facts.peer_closure.path == ClosePath::kDestroyed) {
        return "Ask who runs that program what it ends connections for; connect again." + sigpipe_advice(incident);
    }
    return fmt::format("If {} did not mean to drop it, remove SO_LINGER 0 there and close in order.{}",
                       peer_name(incident), sigpipe_advice(incident));
}

// --- close_race ---

constexpr const char* kNothingUnderWay =
    "the peer had acknowledged all that was sent: the RST answers none of it";

/// A RST that answers data comes in the place of its acknowledgement. One that comes when nothing is
/// under way is the peer's own abort, as of an end that had only been half-closed.
bool nothing_under_way(const Incident& incident) {
    const EndpointStory& endpoint = incident.endpoint;
    return endpoint.bytes_sent && endpoint.bytes_acked && *endpoint.bytes_sent <= *endpoint.bytes_acked;
}

/// The peer was seen to close, and its kernel to answer our data; but its FIN had not come, as when it waits
/// behind data for which this end, which does not read, has no room.
bool fin_was_held_up(const Incident& incident) {
    const Closure& closure = incident.facts.peer_closure;
    const auto& answer = incident.facts.peer_reset;
    return closure.known() && closure.to != TcpState::kClose && closure.at < incident.rst->at && answer &&
           !answer->active && arrived_in(incident, TcpState::kEstablished);
}

MaybeConfidence race_applies(const Incident& incident) {
    if (peer_aborted(incident) || nothing_under_way(incident)) return std::nullopt;
    if (fin_was_held_up(incident)) return Confidence::kCertain;
    if (!arrived_after_fin(incident)) return std::nullopt;
    if (incident.facts.sent_after_fin != false || !rst_answers_a_segment(incident)) return std::nullopt;
    if (abort_may_be_lost(incident)) return std::nullopt;
    return Confidence::kCertain;
}
std::string race_why_not(const Incident& incident) {
    if (nothing_under_way(incident)) return kNothingUnderWay;
    if (!incident.facts.fin_received) return "no FIN came before the RST";
    return incident.facts.sent_after_fin == true ? "data was sent after the FIN had arrived"
                                                 : "whether data was sent after the FIN is not known";
}
std::string race_summary(const Incident& incident) {
    if (fin_was_held_up(incident)) {
        return fmt::format("{} had closed the connection{}, but its FIN had not come through, as when it waits "
                           "behind data that nobody reads; what {} then sent was answered with a RST.",
                           peer_name(incident), earlier_text(incident, incident.facts.peer_closure.at),
                           victim_name(incident));
    }
    return fmt::format("{} closed while a write of {} was under way: the data had left before the FIN "
                       "arrived, and was answered with a RST.",
                       peer_name(incident), victim_name(incident));
}
std::string race_advice(const Incident& incident) {
    if (fin_was_held_up(incident)) {
        return fmt::format("Read what {} sends without delay, and look in its log for why it closed: many servers "
                           "drop a client that falls behind (redis: client-output-buffer-limit).{}",
                           peer_name(incident), sigpipe_advice(incident));
    }
    return "Retry on a fresh connection; keep idle connections for less time than the peer does." +
           sigpipe_advice(incident);
}

// --- write_after_peer_close ---

MaybeConfidence late_write_applies(const Incident& incident) {
    // Whether anything was written meanwhile, and taken without a word, is not known.
    if (incident.rst && peer_gave_up_waiting(incident)) return Confidence::kLikely;
    if (!arrived_after_fin(incident) || peer_aborted(incident)) return std::nullopt;
    if (incident.facts.sent_after_fin == false || nothing_under_way(incident)) return std::nullopt;
    const bool fin_may_be_lost =
        records_lost(incident) && !incident.facts.sent_after_fin && !incident.facts.older_than_trace;
    if (fin_may_be_lost || (records_lost(incident) && !rst_answers_a_segment(incident))) return std::nullopt;
    const bool proven = incident.facts.sent_after_fin == true && rst_answers_a_segment(incident);
    return proven ? Confidence::kCertain : Confidence::kLikely;
}
std::string late_write_why_not(const Incident& incident) {
    if (!arrived_after_fin(incident)) return "no FIN came before the RST";
    if (nothing_under_way(incident)) return kNothingUnderWay;
    if (records_lost(incident)) return "events were lost, and what the peer did may be among them";
    return incident.facts.sent_after_fin == false ? "nothing was sent after the FIN had arrived"
                                                  : "the peer's kernel aborted by itself";
}
std::string late_write_summary(const Incident& incident) {
    std::uint64_t failed = 0;
    for (const CallError& error : incident.errors) failed += error.count;
    Ktime closed_at = incident.facts.peer_closure.at;
    if (!closed_at.known()) closed_at = fin_received_at(incident);
    const std::string then = failed > 0 ? fmt::format(", and {} failed with {}",
                                                      failed == 1 ? "the next call" : fmt::format("{} later calls", failed),
                                                      told_text(incident))
                                        : "";
    if (peer_gave_up_waiting(incident)) {
        return fmt::format("{} had closed the connection{}, in order; {} kept its end open, until the peer's kernel gave "
                           "up waiting and sent a RST{}.",
                           peer_name(incident), earlier_text(incident, closed_at), victim_name(incident), then);
    }
    if (incident.facts.nobody_told) {
        // A goodbye, say, after the end had been read.
        return fmt::format("{} had closed the connection{}, in order; what {} sent after that drew a RST.",
                           peer_name(incident), earlier_text(incident, closed_at), victim_name(incident));
    }
    return fmt::format("{} had closed the connection{}, in order; {} did not look and sent on: the first "
                       "data drew a RST{}.",
                       peer_name(incident), earlier_text(incident, closed_at), victim_name(incident), then);
}
std::string late_write_advice(const Incident& incident) {
    if (incident.facts.passive && incident.endpoint.bytes_received.value_or(0) > 0) {
        return fmt::format("{} left while it was still being written to, as clients do at a timeout or when a request "
                           "is cancelled: look there for the reason, and expect here that one leaves (a read that "
                           "returns 0, or POLLRDHUP, shows it).{}",
                           peer_name(incident), sigpipe_advice(incident));
    }
    return "A read that returns 0 (or POLLRDHUP) says that the peer is gone: check after a pause, before "
           "writing." +
           sigpipe_advice(incident);
}

// --- peer_reset ---

MaybeConfidence reset_applies(const Incident& incident) {
    if (!incident.rst || (peer_aborted(incident) && !kernel_gave_up(incident))) return std::nullopt;
    if (kernel_gave_up(incident)) return Confidence::kCertain;
    return seen_to_forget(incident) ? Confidence::kCertain : Confidence::kLikely;
}
std::string reset_why_not(const Incident&) { return "what the peer did is known"; }
std::string reset_summary(const Incident& incident) {
    if (seen_to_forget(incident)) {
        return fmt::format(
            "{} had dropped its end of the connection without a word{} (closed under TCP_REPAIR, as "
            "checkpointing does); its kernel answered what {} then sent with a RST, for want of a "
            "socket.",
            peer_name(incident), earlier_text(incident, incident.facts.peer_closure.at),
            victim_name(incident));
    }
    const auto& sent = incident.facts.peer_reset;
    if (sent && !sent->active && sent->reason == kResetNoSocket) {
        return fmt::format(
            "No socket stood at {} any more, and the kernel{} answered {} with a RST; "
            "how that end had gone was not seen.",
            incident.endpoint.remote.value_or("the peer's address"),
            incident.facts.peer_on_other_host ? on_host(incident) : " of this host", victim_name(incident));
    }
    if (sent && (incident.facts.peer_on_other_host || kernel_gave_up(incident))) {
        return fmt::format("The kernel of {} sent a RST in {}{}{}.", peer_name(incident),
                           tcp_state_name(incident.rst->state),
                           kernel_gave_up(incident) ? " by itself, no program asked for it" : "",
                           incident.rst->why ? " (" + *incident.rst->why + ")" : "");
    }
    return fmt::format("A RST came from {} in {}; why it was sent cannot be seen from this host.",
                       incident.endpoint.remote.value_or("the peer"),
                       tcp_state_name(incident.rst->state));
}
std::string reset_advice(const Incident& incident) {
    if (seen_to_forget(incident)) {
        return fmt::format(
            "Find out what moved or checkpointed {}, and let it take its connections along; connect "
            "again.{}",
            peer_name(incident), sigpipe_advice(incident));
    }
    if (incident.facts.peer_on_other_host) {
        return "Look in the log of the other end for this time." + sigpipe_advice(incident);
    }
    return "Look at the other end: record there too and give `pipetrace report` both recordings, or read its log at "
           "this time; a firewall or balancer on the way can send it as well." +
           sigpipe_advice(incident);
}

}  // namespace

Rule connection_refused_rule() {
    return {Cause::kConnectionRefused,
            {Family::kTcpReset, Family::kUnix},
            Severity::kWarning,
            refused_applies,
            refused_why_not,
            refused_summary,
            refused_advice,
            "network:rst_received peer:rst_sent local:call_failed"};
}

Rule peer_process_died_rule() {
    return {Cause::kPeerProcessDied, {Family::kTcpReset}, Severity::kFault, died_applies, died_why_not, died_summary, died_advice,
            "peer:closed network:rst_received"};
}

Rule peer_closed_unread_data_rule() {
    return {Cause::kPeerClosedUnreadData, {Family::kTcpReset}, Severity::kFault, unread_applies, unread_why_not, unread_summary, unread_advice,
            "peer:closed peer:rst_sent network:rst_received"};
}

Rule peer_abortive_close_rule() {
    return {Cause::kPeerAbortiveClose, {Family::kTcpReset}, Severity::kFault, abort_applies, abort_why_not, abort_summary, abort_advice,
            "peer:closed peer:rst_sent network:rst_received"};
}

Rule close_race_rule() {
    return {Cause::kCloseRace, {Family::kTcpReset}, Severity::kWarning, race_applies, race_why_not, race_summary, race_advice,
            "peer:closed network:fin_received local:data_sent network:rst_received"};
}

Rule write_after_peer_close_rule() {
    return {Cause::kWriteAfterPeerClose, {Family::kTcpReset}, Severity::kFault, late_write_applies, late_write_why_not, late_write_summary, late_write_advice,
            "peer:closed network:fin_received local:data_sent network:rst_received"};
}

Rule peer_reset_rule() {
    return {Cause::kPeerReset, {Family::kTcpReset}, Severity::kFault, reset_applies, reset_why_not, reset_summary, reset_advice,
            "network:rst_received"};
}

}  // namespace pipetrace
