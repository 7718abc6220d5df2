// Why this host sent a RST that somebody else meets.
#include "diagnose/rules.h"

#include "diagnose/reset_facts.h"
#include "diagnose/wording.h"
#include "model/quantity_text.h"
#include "model/reset_reason.h"

#include <fmt/format.h>

#include <algorithm>

namespace pipetrace {
namespace {

using MaybeConfidence = std::optional<Confidence>;

constexpr std::uint8_t kSyn = 0x02;

const ResetSent& reset_of(const Incident& incident) {
    static const ResetSent none;
    return incident.facts.own_reset ? *incident.facts.own_reset : none;
}

const Closure& closure_of(const Incident& incident) { return incident.facts.own_closure; }

std::string remote_of(const Incident& incident) { return incident.endpoint.remote.value_or("the other end"); }
std::string local_of(const Incident& incident) { return incident.endpoint.local.value_or("this host"); }

std::string name_of(const Task& task) {
    return fmt::format("{}[{}]", task.process_comm.view(), task.process.tgid);
}

/// Who gave the end up.
std::string closer_of(const Incident& incident) {
    const Task& by = closure_of(incident).by;
    return by.known() ? name_of(by) : victim_name(incident);
}

std::uint32_t unread_bytes(const Incident& incident) {
    const Closure& closure = closure_of(incident);
    const std::uint32_t at_close = closure.to == TcpState::kClose ? closure.unread_bytes : 0;
    return std::max(at_close, reset_of(incident).tcp.unread_bytes);
}

bool answers_syn(const Incident& incident) {
    return !reset_of(incident).active && (reset_of(incident).provoking_flags & kSyn) != 0;
}

bool came_from_time_wait(const Incident& incident) {
    return reset_of(incident).endpoint.id == 0 && reset_of(incident).endpoint.state == TcpState::kTimeWait;
}

// --- closed_with_unread_data ---

MaybeConfidence unread_applies(const Incident& incident) {
    const ResetSent& sent = reset_of(incident);
    const Closure& closure = closure_of(incident);
    // MPTCP gives the same reason to SO_LINGER 0 (mptcp_do_fastclose, 6.12 to 7.2): the path decides.
    if (!sent.active || (closure.known() && closure.path != ClosePath::kClose)) return std::nullopt;
    if (gave_up_waiting(sent, closure)) return std::nullopt;
    const bool has_unread = unread_bytes(incident) > 0;
    if (sent.reason) {
        if (*sent.reason != kResetAbortOnClose) return std::nullopt;
        return has_unread ? Confidence::kCertain : Confidence::kLikely;
    }
    if (!has_unread) return std::nullopt;
    if (closure.known() && closure.to == TcpState::kClose) return Confidence::kCertain;
    return incident.process.tgid ? MaybeConfidence(Confidence::kLikely) : std::nullopt;
}
std::string unread_why_not(const Incident& incident) {
    return reset_of(incident).active ? "it was not for unread data that the connection was aborted"
                                     : "the RST answers a segment that came, no program aborted with it";
}
std::string unread_summary(const Incident& incident) {
    const std::uint32_t unread = unread_bytes(incident);
    const Closure& closure = closure_of(incident);
    const std::string did = closure.exiting && closure.signal != 0
                                ? fmt::format("was killed by {}", killer_text(closure))
                            : closure.exiting ? "exited"
                                              : "closed the connection";
    return fmt::format(
        "{} {} with {} from {} unread, so this kernel sent RST instead of FIN: the other end meets "
        "ECONNRESET, and may lose the answer that it had not read yet.",
        closer_of(incident), did, unread != 0 ? byte_count_text(unread) : "data", remote_of(incident));
}
std::string unread_advice(const Incident& incident) {
    const Closure& closure = closure_of(incident);
    if (closure.exiting && closure.signal != 0) {
        return fmt::format("Find out what killed {} (kernel log, OOM killer, service manager).",
                           closer_of(incident));
    }
    return fmt::format(
        "Have {} drain the request before it closes, up to a limit: shutdown(SHUT_WR), read until "
        "0, then close() (a lingering close).",
        closer_of(incident));
}

// --- abortive_close ---

bool is_abort_by_reason(const ResetSent& sent) {
    return sent.reason == kResetAbortOnLinger || sent.reason == kResetDisconnectWithData;
}

MaybeConfidence abort_applies(const Incident& incident) {
    const ResetSent& sent = reset_of(incident);
    const Closure& closure = closure_of(incident);
    if (!sent.active) return std::nullopt;
    const bool path_known =
        closure.known() && closure.path != ClosePath::kClose && closure.path != ClosePath::kRepair;
    if (path_known || is_abort_by_reason(sent)) return Confidence::kCertain;
    // A timer aborts too; what a process does bears its name.
    const bool by_process =
        closure.known() ? closure.to == TcpState::kClose : incident.process.tgid.has_value();
    const bool unspecific = !sent.reason || sent.reason == kResetState || sent.reason == kResetNotSpecified;
    return by_process && unspecific ? MaybeConfidence(Confidence::kLikely) : std::nullopt;
}
std::string abort_why_not(const Incident& incident) {
    return reset_of(incident).active ? "no program is known to have thrown the connection away on purpose"
                                     : "the RST answers a segment that came, no program aborted with it";
}
std::string abort_summary(const Incident& incident) {
    const ResetSent& sent = reset_of(incident);
    const std::string who = closer_of(incident);
    const std::string remote = remote_of(incident);
    std::string how;
    switch (closure_of(incident).path) {
        case ClosePath::kListener:
            return fmt::format(
                "{} closed its listener before it had accepted the connection from {}: this kernel "
                "reset it.",
                who, remote);
        case ClosePath::kDestroyed:
            return fmt::format(
                "{} destroyed the socket of the connection to {} from outside (SOCK_DESTROY, as "
                "`ss -K` does): this kernel sent RST.",
                who, remote);
        case ClosePath::kLingerZero: how = "close() with SO_LINGER at a time of 0"; break;
        case ClosePath::kDisconnect: how = "connect() to AF_UNSPEC"; break;
        case ClosePath::kRepair:
        case ClosePath::kClose: how = "how is not known"; break;
    }
    if (sent.reason == kResetAbortOnLinger) how = "TCP_LINGER2 below 0";
    if (sent.reason == kResetDisconnectWithData) how = "disconnected with data not sent yet";
    return fmt::format(
        "{} threw the connection to {} away ({}): this kernel sent RST instead of FIN, and the other "
        "end meets ECONNRESET.",
        who, remote, how);
}
std::string abort_advice(const Incident& incident) {
    switch (closure_of(incident).path) {
        case ClosePath::kListener:
            return "Accept what waits before the listener is closed, or hand the listener over to the next "
                   "process: "
                   "clients in its queue lose what they have sent.";
        case ClosePath::kDestroyed: return "Ask who runs that program what it ends connections for.";
        default: break;
    }
    return fmt::format("If {} did not mean to drop it, remove SO_LINGER 0 and close in order.",
                       closer_of(incident));
}

// --- late_data_after_close ---

MaybeConfidence late_applies(const Incident& incident) {
    const ResetSent& sent = reset_of(incident);
    const Closure& closure = closure_of(incident);
    if (sent.active || answers_syn(incident)) return std::nullopt;
    const bool closed_here = closure.known() && closure.path != ClosePath::kRepair;
    // Entered by an end that has closed and has no more owner.
    if (came_from_time_wait(incident)) return Confidence::kCertain;
    if (sent.endpoint.id != 0) {
        if (closed_here) return Confidence::kCertain;
        return sent.reason == kResetAbortOnData ? MaybeConfidence(Confidence::kLikely) : std::nullopt;
    }
    // Found by its addresses, which somebody else may use by now.
    return closed_here ? MaybeConfidence(Confidence::kLikely) : std::nullopt;
}
std::string late_why_not(const Incident& incident) {
    if (reset_of(incident).active) return "nothing came: the RST was sent to abort";
    if (answers_syn(incident)) return "what came opens a connection";
    return "no program here is known to have closed a connection with these addresses";
}
std::string what_came(const Incident& incident) {
    const std::uint16_t bytes = reset_of(incident).provoking_bytes;
    return bytes > 0 ? byte_count_text(bytes) : std::string("a segment");
}
/// And perhaps still holds it.
bool was_shut_down(const Incident& incident) {
    return std::any_of(incident.timeline.begin(), incident.timeline.end(), [](const TimelineEntry& entry) {
        return entry.side == Side::kLocal && entry.event == "shut_down";
    });
}
std::string late_summary(const Incident& incident) {
    const Closure& closure = closure_of(incident);
    const std::string came = fmt::format("{} came from {}", what_came(incident), remote_of(incident));
    if (!closure.known()) {
        return fmt::format(
            "This RST is harmless: {} for a connection that a program here had closed in order; who, "
            "and when, was not seen.",
            came);
    }
    const bool in_order = closure.to != TcpState::kClose;
    const std::string did = was_shut_down(incident) ? "shut the connection down" : "closed the connection";
    return fmt::format("This RST is harmless: {} {} after {} had {}{}, so nobody was left to take it.", came,
                       duration_text((incident.at.ns - closure.at.ns) / 1000), closer_of(incident), did,
                       in_order ? ", in order" : ", with a RST");
}
std::string late_advice(const Incident& incident) {
    return fmt::format(
        "Nothing to do if {} has all that it wanted; else let it wait for the answer, or for the other "
        "end's FIN, before it closes.",
        closer_of(incident));
}

// --- no_socket ---

MaybeConfidence no_socket_applies(const Incident& incident) {
    const ResetSent& sent = reset_of(incident);
    if (sent.active || sent.endpoint.id != 0) return std::nullopt;
    if (sent.reason == kResetNoSocket || sent.endpoint.state == TcpState::kUnknown)
        return Confidence::kCertain;
    // A listener's answer: to what belongs to no connection, or to a handshake that went wrong.
    const bool may_be_stray =
        sent.endpoint.state == TcpState::kListen && !answers_syn(incident) && sent.reason != kResetInvalidSyn;
    return may_be_stray ? MaybeConfidence(Confidence::kLikely) : std::nullopt;
}
std::string no_socket_why_not(const Incident& incident) {
    return reset_of(incident).active ? "a socket sent the RST itself" : "there was a socket for it";
}
std::string no_socket_summary(const Incident& incident) {
    const std::string remote = remote_of(incident);
    const std::string local = local_of(incident);
    if (answers_syn(incident)) {
        return fmt::format(
            "A SYN from {} came for {}, where no socket listens: this kernel refused it with a RST.", remote,
            local);
    }
    if (closure_of(incident).path == ClosePath::kRepair) {
        return fmt::format(
            "{} from {} came for a connection that {} had taken out of this kernel under TCP_REPAIR: "
            "with no socket for it, the kernel answered with a RST.",
            what_came(incident), remote, closer_of(incident));
    }
    return fmt::format(
        "A segment from {} came for {}, and this host has no connection with these addresses: its "
        "kernel answered with a RST.",
        remote, local);
}
std::string no_socket_advice(const Incident& incident) {
    if (answers_syn(incident)) {
        return "`ss -ltn` shows who listens: start the server, or let the clients use the right address and "
               "port.";
    }
    return "Where the connection is translated (NAT), conntrack may have taken the segment for invalid and "
           "let it "
           "through untranslated: look for `invalid` in `conntrack -S`, and drop what is in state INVALID or "
           "set "
           "net.netfilter.nf_conntrack_tcp_be_liberal. Else the connection is older than a restart, or its "
           "address "
           "has moved to this host.";
}

}  // namespace

std::string unexplained_origin(const Incident& incident) {
    const ResetSent& sent = reset_of(incident);
    const std::string why = incident.rst && incident.rst->why ? fmt::format(" ({})", *incident.rst->why) : "";
    if (!sent.active) {
        return fmt::format("This kernel refused a segment from {} with a RST{}; nothing else is known of it.",
                           remote_of(incident), why);
    }
    return fmt::format(
        "This kernel ended the connection to {} with a RST{} by itself; no program asked for it.",
        remote_of(incident), why);
}

Rule closed_with_unread_data_rule() {
    return {Cause::kClosedWithUnreadData,
            {Family::kOrigin},
            Severity::kWarning,
            unread_applies,
            unread_why_not,
            unread_summary,
            unread_advice,
            "local:closed local:rst_sent"};
}

Rule abortive_close_rule() {
    return {Cause::kAbortiveClose, {Family::kOrigin}, Severity::kWarning, abort_applies,
            abort_why_not,         abort_summary,     abort_advice,       "local:closed local:rst_sent"};
}

Rule late_data_after_close_rule() {
    return {Cause::kLateDataAfterClose,
            {Family::kOrigin},
            Severity::kBenign,
            late_applies,
            late_why_not,
            late_summary,
            late_advice,
            "local:closed local:shut_down network:segment_received local:rst_sent"};
}

Rule no_socket_rule() {
    return {
        Cause::kNoSocket,  {Family::kOrigin}, Severity::kWarning, no_socket_applies,
        no_socket_why_not, no_socket_summary, no_socket_advice,   "network:segment_received local:rst_sent"};
}

}  // namespace pipetrace
