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
    return killer_advice(incident) + sigpipe_advice(incident);
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
bool was_never_accepted(const Incident& incident) {
    return incident.facts.peer_closure.path == ClosePath::kListener;
}
std::string unread_summary(const Incident& incident) {
    const Closure& closure = incident.facts.peer_closure;
    const std::uint32_t unread = unread_at_peer(incident);
    const Ktime fin = fin_received_at(incident);
    if (fin.known() && fin < closure.at) {
        return fmt::format("{} had ended its sending{} (its FIN came), and {}{} with {} from {} unread: its kernel sent "
                           "RST.",
                           peer_name(incident), earlier_text(incident, fin),
                           closed_by_exit(closure) ? "exited" : "closed the connection", earlier_text(incident, closure.at),
                           unread != 0 ? byte_count_text(unread) : "data", victim_name(incident));
    }
    const char* close = was_never_accepted(incident) ? "closed its listener" : "closed the connection";
    return fmt::format("{} {}{}{} with {} from {} unread, so its kernel sent RST instead of FIN.",
                       peer_name(incident), closed_by_exit(closure) ? "exited" : close,
                       earlier_text(incident, closure.at),
                       was_never_accepted(incident) ? ", before it had accepted this connection," : "",
                       unread != 0 ? byte_count_text(unread) : "data", victim_name(incident));
}
/// No program had it in hands there.
std::string never_accepted_advice(const Incident& incident) {
    return fmt::format(
        "Let {} take up the connections that wait before it stops to listen, as a graceful stop or a "
        "handed-on listener does. Trying again is safe: no program had seen what was sent.{}",
        peer_name(incident), sigpipe_advice(incident));
}
std::string unread_advice(const Incident& incident) {
    if (was_never_accepted(incident)) return never_accepted_advice(incident);
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
        return "Ask who runs that program what it ends connections for; connect again." +
               sigpipe_advice(incident);
    }
    if (was_never_accepted(incident)) return never_accepted_advice(incident);
    if (incident.facts.peer_closure.path == ClosePath::kDisconnect) {
        return fmt::format(
            "If {} did not mean to drop it, close in order there instead of connecting to AF_UNSPEC.{}",
            peer_name(incident), sigpipe_advice(incident));
    }
    return fmt::format("If {} did not mean to drop it, remove SO_LINGER 0 there and close in order.{}",
                       peer_name(incident), sigpipe_advice(incident));
}

// --- peer_reset ---

MaybeConfidence reset_applies(const Incident& incident) {
    if (!incident.rst || (peer_aborted(incident) && !kernel_gave_up(incident))) return std::nullopt;
    if (kernel_gave_up(incident)) return Confidence::kCertain;
    const bool answer_seen = met_by_last_fin(incident) && incident.facts.peer_reset;
    return answer_seen || seen_to_forget(incident) ? Confidence::kCertain : Confidence::kLikely;
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
    if (met_by_last_fin(incident)) {
        return fmt::format(
            "{} had closed the connection in order, and its kernel no longer kept it when {} closed its end "
            "too: that FIN was answered with a RST, after all data had been acknowledged.",
            peer_name(incident), victim_name(incident));
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
    if (met_by_last_fin(incident))
        return "Nothing to do; who closes soon after the other end did meets no RST.";
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

Rule peer_reset_rule() {
    return {Cause::kPeerReset, {Family::kTcpReset}, Severity::kFault, reset_applies, reset_why_not, reset_summary, reset_advice,
            "network:rst_received"};
}

}  // namespace pipetrace
