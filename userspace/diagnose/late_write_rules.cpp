// The peer had closed in order, and data that it took no more was answered with a RST.
#include "diagnose/reset_facts.h"
#include "diagnose/rules.h"
#include "diagnose/wording.h"

#include <fmt/format.h>

namespace pipetrace {
namespace {

using MaybeConfidence = std::optional<Confidence>;

// --- close_race ---

constexpr const char* kNothingUnderWay =
    "the peer had acknowledged all that was sent: the RST answers none of it";

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
/// A FIN waits where this end has no room, which is where data lies unread.
bool waited_behind_data(const Incident& incident) {
    const std::optional<TcpFacts>& own = incident.facts.at_error;
    return fin_was_held_up(incident) && (!own || own->unread_bytes != 0);
}
/// A server cannot try again.
bool client_left(const Incident& incident) {
    return incident.facts.passive && incident.endpoint.bytes_received.value_or(0) > 0;
}
std::string client_left_advice(const Incident& incident) {
    return fmt::format(
        "{} left while it was still being written to, as clients do at a timeout or when a request "
        "is cancelled: look there for the reason, and expect here that one leaves (a read that "
        "returns 0, or POLLRDHUP, shows it).{}",
        peer_name(incident), sigpipe_advice(incident));
}
std::string race_summary(const Incident& incident) {
    if (fin_was_held_up(incident) && !waited_behind_data(incident)) {
        return fmt::format(
            "{} had closed the connection{}; {} sent on before its FIN had come through, and what it sent "
            "was answered with a RST.",
            peer_name(incident), earlier_text(incident, incident.facts.peer_closure.at),
            victim_name(incident));
    }
    if (fin_was_held_up(incident)) {
        return fmt::format(
            "{} had closed the connection{}, but its FIN had not come through, as when it waits "
            "behind data that nobody reads; what {} then sent was answered with a RST.",
            peer_name(incident), earlier_text(incident, incident.facts.peer_closure.at),
            victim_name(incident));
    }
    return fmt::format(
        "{} closed while a write of {} was under way: the data had left before the FIN "
        "arrived, and was answered with a RST.",
        peer_name(incident), victim_name(incident));
}
std::string race_advice(const Incident& incident) {
    if (waited_behind_data(incident)) {
        return fmt::format(
            "Read what {} sends without delay, and look in its log for why it closed: many servers "
            "drop a client that falls behind (redis: client-output-buffer-limit).{}",
            peer_name(incident), sigpipe_advice(incident));
    }
    if (client_left(incident)) return client_left_advice(incident);
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
    const std::string then =
        failed > 0 ? fmt::format(", and {} failed with {}",
                                 failed == 1 ? "the next call" : fmt::format("{} later calls", failed),
                                 told_text(incident))
                   : "";
    const bool exited = closed_by_exit(incident.facts.peer_closure);
    const std::string closed = fmt::format(
        "{} had {}{}, {}in order", peer_name(incident), exited ? "exited" : "closed the connection",
        earlier_text(incident, closed_at), exited ? "which closed the connection " : "");
    if (peer_gave_up_waiting(incident)) {
        return fmt::format(
            "{}; {} kept its end open, until the peer's kernel gave up waiting and sent a RST{}.", closed,
            victim_name(incident), then);
    }
    if (incident.facts.nobody_told) {
        // A goodbye, say, after the end had been read.
        return fmt::format("{}; what {} sent after that drew a RST.", closed, victim_name(incident));
    }
    return fmt::format("{}; {} did not look and sent on: the first data drew a RST{}.", closed,
                       victim_name(incident), then);
}
std::string late_write_advice(const Incident& incident) {
    if (client_left(incident)) return client_left_advice(incident);
    return "A read that returns 0 (or POLLRDHUP) says that the peer is gone: check after a pause, before "
           "writing." +
           sigpipe_advice(incident);
}

}  // namespace

Rule close_race_rule() {
    return {Cause::kCloseRace,  {Family::kTcpReset},
            Severity::kWarning, race_applies,
            race_why_not,       race_summary,
            race_advice,        "peer:closed network:fin_received local:data_sent network:rst_received"};
}

Rule write_after_peer_close_rule() {
    return {Cause::kWriteAfterPeerClose,
            {Family::kTcpReset},
            Severity::kFault,
            late_write_applies,
            late_write_why_not,
            late_write_summary,
            late_write_advice,
            "peer:closed network:fin_received local:data_sent network:rst_received"};
}

}  // namespace pipetrace
