// A unix socket whose other end has gone, or was shut down: no network, and so no RST, lies between.
#include "diagnose/rules.h"
#include "diagnose/wording.h"
#include "model/quantity_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

namespace pipetrace {
namespace {

using MaybeConfidence = std::optional<Confidence>;

bool met(const Incident& incident, int error) {
    return std::any_of(incident.errors.begin(), incident.errors.end(),
                       [&](const CallError& met) { return met.error == error; });
}

bool is_datagram(const Incident& incident) { return incident.facts.socket_type == SocketType::kDatagram; }

bool is_gone(const Incident& incident) { return incident.facts.other_end == OtherEnd::kGone; }

/// A record of it comes with each failure.
bool other_end_may_be_lost(const Incident& incident) {
    return incident.lost > 0 && incident.facts.socket_type == SocketType::kUnknown;
}

/// " at /run/x.sock", where the socket has a name at either end.
std::string whose_text(const Incident& incident) {
    if (incident.endpoint.remote) return " at " + *incident.endpoint.remote;
    if (incident.endpoint.local) return " at " + *incident.endpoint.local;
    return "";
}

std::string peer_text(const Incident& incident, const char* unnamed = "The other end") {
    if (incident.peer && incident.peer->process.tgid) return peer_name(incident);
    return unnamed + whose_text(incident);
}

/// A program seldom knows that its standard output is a socket.
std::string log_advice(const Incident& incident) {
    if (!incident.endpoint.fd || *incident.endpoint.fd < 1 || *incident.endpoint.fd > 2) return "";
    return fmt::format(
        " fd {} is {}, which leads to a socket here: if a log daemon or a supervisor reads it, its "
        "restart does this to all its writers; restart them with it.",
        *incident.endpoint.fd, *incident.endpoint.fd == 1 ? "standard output" : "standard error");
}

// --- unix_peer_died ---

MaybeConfidence died_applies(const Incident& incident) {
    const Closure& closure = incident.facts.peer_closure;
    if (!closure.known() || !closure.exiting || closure.signal == 0) return std::nullopt;
    return Confidence::kCertain;
}
std::string died_why_not(const Incident& incident) {
    return incident.facts.peer_closure.known() ? "the process at the other end was not killed"
                                               : "no process at the other end was seen to be killed";
}
std::string died_summary(const Incident& incident) {
    return fmt::format(
        "{} was killed by {} with this unix socket open{}; its kernel closed it, and {} was told {}.",
        peer_name(incident), killer_text(incident.facts.peer_closure),
        earlier_text(incident, incident.facts.peer_closure.at), victim_name(incident), told_text(incident));
}
std::string died_advice(const Incident& incident) {
    return killer_advice(incident) + log_advice(incident) + sigpipe_advice(incident);
}

// --- unix_peer_unread_data ---

MaybeConfidence unread_applies(const Incident& incident) {
    const Closure& closure = incident.facts.peer_closure;
    if (is_datagram(incident)) return std::nullopt;
    if (closure.unread_bytes > 0 || closure.unread_uncounted) return Confidence::kCertain;
    if (!incident.facts.was_reset) return std::nullopt;
    // A connection that is still to be accepted is reset so too, with nothing unread.
    if (closure.path == ClosePath::kListener) return std::nullopt;
    if (closure.known()) return Confidence::kCertain;
    if (other_end_may_be_lost(incident)) return std::nullopt;
    const bool seen_if_so = incident.facts.unread_seen && !incident.facts.older_than_trace;
    return seen_if_so ? std::nullopt : MaybeConfidence(Confidence::kLikely);
}
std::string unread_why_not(const Incident& incident) {
    if (is_datagram(incident)) return "a datagram socket is not told of unread data";
    if (!incident.facts.was_reset) return "the other end's close left no ECONNRESET here";
    return "no data was thrown away unread: the connection had not been accepted yet";
}
std::string unread_summary(const Incident& incident) {
    const Closure& closure = incident.facts.peer_closure;
    const bool counted = closure.unread_bytes != 0 && !closure.unread_uncounted;
    const std::string unread = counted ? byte_count_text(closure.unread_bytes) : "data";
    if (closure.path == ClosePath::kListener) {
        return fmt::format(
            "{} closed its listener{}, before it had accepted this connection and read the {} from "
            "{}, which was told {}.",
            peer_text(incident), earlier_text(incident, closure.at), unread, victim_name(incident),
            told_text(incident));
    }
    return fmt::format("{} closed the socket{} with {} from {} unread, and so {} was told {}.",
                       peer_text(incident), earlier_text(incident, closure.at), unread, victim_name(incident),
                       victim_name(incident), told_text(incident));
}
std::string unread_advice(const Incident& incident) {
    return fmt::format(
        "Have {} read what it is sent to the end before it closes, and expect here that it closes "
        "early.{}{}",
        peer_text(incident, "the other end"), log_advice(incident), sigpipe_advice(incident));
}

// --- unix_peer_closed ---

/// Of two datagram sockets, the sender sees EPIPE only where the receiver reads no more.
bool receiver_shut_down(const Incident& incident) {
    return is_datagram(incident) && met(incident, EPIPE) && incident.facts.other_end == OtherEnd::kOpen;
}

MaybeConfidence closed_applies(const Incident& incident) {
    if (incident.facts.peer_closure.known() || receiver_shut_down(incident)) return Confidence::kCertain;
    // Nobody may be at a name that was sent to, and that name be what was lost.
    if (incident.lost > 0 && is_datagram(incident) && !incident.endpoint.remote) return std::nullopt;
    return is_gone(incident) ? MaybeConfidence(Confidence::kLikely) : std::nullopt;
}
std::string closed_why_not(const Incident& incident) {
    return incident.facts.other_end == OtherEnd::kOpen ? "the other end is still open"
                                                       : "the socket had no other end";
}
/// What was seen to be done, and when.
std::string closing_text(const Incident& incident) {
    const Closure& closure = incident.facts.peer_closure;
    const std::string when = earlier_text(incident, closure.at);
    const std::string whose = incident.peer ? whose_text(incident) : "";
    if (receiver_shut_down(incident)) return fmt::format("shut down its receiving side{}", when);
    if (closure.path == ClosePath::kListener) {
        return fmt::format("closed its listener{}{}, before it had accepted this connection", whose, when);
    }
    if (closure.exiting) return fmt::format("exited{}, which closed its end of the socket{}", when, whose);
    const bool shut = incident.peer && incident.peer->action == PeerAction::kShutdown;
    if (!shut) return fmt::format("closed its end of the socket{}{}", whose, when);
    return fmt::format("shut down {} of the socket{}{}",
                       closure.shutdown == kReceiveShutdown ? "the receiving side" : "both directions", whose,
                       when);
}
std::string unseen_closing_text(const Incident& incident) {
    if (incident.facts.older_than_trace) return "had gone before the trace began";
    if (incident.peer) return fmt::format("is closed: {} had held it, and lived on", peer_name(incident));
    return "is closed: who had held it, no hook of this mode shows";
}
std::string closed_summary(const Incident& incident) {
    const std::string victim = victim_name(incident);
    const bool seen = incident.facts.peer_closure.known() || receiver_shut_down(incident);
    if (!seen) {
        return fmt::format("The other end{} {}; {} was told {}.", whose_text(incident),
                           unseen_closing_text(incident), victim, told_text(incident));
    }
    return fmt::format("{} {}; {} was told {}.", peer_text(incident), closing_text(incident), victim,
                       told_text(incident));
}
std::string closed_advice(const Incident& incident) {
    return fmt::format(
        "A read that returns 0 (or POLLHUP) says that the other end is gone: connect again then, and "
        "at EPIPE or ECONNREFUSED.{}{}",
        log_advice(incident), sigpipe_advice(incident));
}

}  // namespace

MaybeConfidence unix_shutdown_applies(const Incident& incident) {
    const Closure& own = incident.facts.own_closure;
    const Closure& peer = incident.facts.peer_closure;
    const bool met_epipe =
        met(incident, EPIPE) || incident.sigpipe.value_or(SigpipeFate::kNone) > SigpipeFate::kNone;
    const bool met_first = incident.errors.empty() || incident.errors.front().error == EPIPE;
    if (!met_epipe || !met_first || (incident.facts.shutdown & kSendShutdown) == 0) return std::nullopt;
    if (own.known()) {
        return !peer.known() || own.at < peer.at ? MaybeConfidence(Confidence::kCertain) : std::nullopt;
    }
    // The other end's shutdown() shows at a stream's end, not at a datagram socket's.
    return is_datagram(incident) ? MaybeConfidence(Confidence::kCertain) : std::nullopt;
}

MaybeConfidence unix_unconnected_applies(const Incident& incident) {
    if (incident.errors.empty() || incident.errors.front().error != ENOTCONN) return std::nullopt;
    if (incident.facts.other_end != OtherEnd::kUnknown || other_end_may_be_lost(incident)) return std::nullopt;
    if (incident.lost > 0 && is_datagram(incident)) return std::nullopt;
    // A datagram socket is no longer connected once its receiver has gone and it was told so.
    return is_datagram(incident) ? Confidence::kLikely : Confidence::kCertain;
}

MaybeConfidence unix_refused_applies(const Incident& incident) {
    if (!incident.facts.sent_to_name || !met(incident, ECONNREFUSED)) return std::nullopt;
    return Confidence::kCertain;
}

Rule unix_peer_died_rule() {
    return {Cause::kUnixPeerDied, {Family::kUnix},
            Severity::kFault,     died_applies,
            died_why_not,         died_summary,
            died_advice,          "peer:closed local:sigpipe_generated local:call_failed"};
}

Rule unix_peer_unread_data_rule() {
    return {Cause::kUnixPeerUnreadData,
            {Family::kUnix},
            Severity::kFault,
            unread_applies,
            unread_why_not,
            unread_summary,
            unread_advice,
            "peer:closed peer:shut_down local:sigpipe_generated local:call_failed"};
}

Rule unix_peer_closed_rule() {
    return {Cause::kUnixPeerClosed, {Family::kUnix},
            Severity::kFault,       closed_applies,
            closed_why_not,         closed_summary,
            closed_advice,          "peer:closed peer:shut_down local:sigpipe_generated local:call_failed"};
}

}  // namespace pipetrace
