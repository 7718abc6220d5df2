// What bears on one failure, and how much of it may be lost.
#include "correlate/correlator.h"

#include <algorithm>

namespace pipetrace {
namespace {

/// Where what came between may be lost: within what a handshake on one host takes, or both before the trace.
bool opened_together(const Connection& a, const Connection& b) {
    constexpr std::uint64_t kHandshakeNsMax = 200'000'000;
    if (!a.remembered || !b.remembered) return false;
    const auto [first, last] = std::minmax(a.remembered->opened, b.remembered->opened);
    return last.ns - first.ns <= kHandshakeNsMax;
}

/// Where records were lost: the next connection with these addresses can have sent it, unless the peer did,
/// or it left while this one lived.
bool may_be_anothers(const Story& story, const Stamped<ResetSent>& sent) {
    if (story.lost == 0 || sent.body.endpoint.id == 0) return false;
    if (story.peer != nullptr) return story.peer->endpoint.id != sent.body.endpoint.id;
    return story.own->reset && sent.at > story.own->reset->at;
}

/// Not 0. Ids are a socket's or a pipe's own; addresses are those of both ends, whichever was forgotten.
std::uint64_t key_of(const AddressPair& sorted) { return AddressPairHash{}(sorted) | 1; }

}  // namespace

void Correlator::note_forgotten(const Endpoint& endpoint, Ktime at) {
    if (endpoint.id != 0) forgotten_.note(endpoint.id, at);
    if (endpoint.remote.port != 0) forgotten_.note(key_of(sorted_pair(endpoint)), at);
}

bool Correlator::is_any_forgotten(const Endpoint& endpoint, Ktime since) const {
    if (forgotten_.is_empty()) return false;
    return (endpoint.id != 0 && forgotten_.any_since(endpoint.id, since)) ||
           (endpoint.remote.port != 0 && forgotten_.any_since(key_of(sorted_pair(endpoint)), since));
}

/// Something of it, or of what bears on it, was let go for want of room.
bool Correlator::is_in_doubt(const Failure& failure) const {
    if (failure.cut_short) return true;
    if (failure.endpoint.kind != EndpointKind::kTcp)
        return is_any_forgotten(failure.endpoint, began_at_the_latest(failure));
    const Connection* connection = connections_.find(failure.endpoint.id);
    const Endpoint& endpoint = connection != nullptr ? connection->endpoint : failure.endpoint;
    // What was known of a connection's ends can be as old as it.
    const bool is_dated = connection != nullptr && connection->remembered;
    return is_any_forgotten(endpoint,
                            is_dated ? connection->remembered->opened : failure.first_at - kForgottenNs);
}

/// Events, and what was known and is forgotten.
std::uint64_t Correlator::lost_during(const Failure& failure) const {
    return losses_of(failure.endpoint.kind).total_since(began_at_the_latest(failure)) +
           (is_in_doubt(failure) ? 1 : 0);
}

/// Since what ended the connection, and who sent that, could be seen. Where nothing is known to have ended
/// it, that may itself be what was lost, at any time since the connection was opened.
Ktime Correlator::began_at_the_latest(const Failure& failure) const {
    Ktime began = failure.first_at;
    const auto consider = [&](Ktime at) { began = std::min(began, at); };
    const Connection* connection = connections_.find(failure.endpoint.id);
    const KnownEnds* ends = known_ends_.find(failure.endpoint.id);
    if (failure.endpoint.kind != EndpointKind::kTcp) {
        if (ends != nullptr && ends->other && ends->other->closure.known()) consider(ends->other->closure.at);
    } else if (connection != nullptr && (connection->reset || connection->error)) {
        consider(connection->reset ? connection->reset->at : connection->error->at);
    } else if (failure.endpoint.remote.port != 0) {
        const bool is_known = connection != nullptr && connection->remembered;
        if (!is_known || !connection->remembered->opened.known()) return Ktime{};
        consider(connection->remembered->opened);
    }
    began = began - kResetTravelNsMax;
    if (connection != nullptr && connection->remembered)
        began = std::max(began, connection->remembered->opened);
    return began;
}

Story Correlator::story_of(const Failure& failure) const {
    Story story;
    story.failure = &failure;
    story.syscall_names = config_.syscall_names;
    story.sends_seen = config_.sends_seen;
    story.receives_seen = config_.receives_seen;
    if (failure.endpoint.kind == EndpointKind::kTcp) story.own = connections_.find(failure.endpoint.id);
    story.resets_sent_seen = config_.resets_sent_seen;
    story.resets_seen = config_.resets_seen;
    story.sigpipes_seen = config_.sigpipes_seen;
    story.idle_after_us = config_.idle_after_us;
    story.lost = lost_during(failure);
    story.signals_lost =
        loss_beyond_tcp_.total_since(began_at_the_latest(failure)) + (failure.cut_short ? 1 : 0);
    if (failure.endpoint.kind != EndpointKind::kTcp) {
        const KnownEnds* ends = known_ends_.find(failure.endpoint.id);
        if (ends != nullptr && ends->other) story.other_end = &*ends->other;
        if (ends != nullptr && ends->names) story.names = &*ends->names;
        story.sends_seen = config_.unix_sends_seen;
        story.unix_unread_seen = config_.unix_unread_seen;
        return story;
    }
    // Addresses recur: without knowing when it was opened, its other end cannot be told from an earlier
    // one's.
    if (story.lost > 0 && (story.own == nullptr || !story.own->remembered)) return story;
    const Endpoint& endpoint = story.own != nullptr ? story.own->endpoint : failure.endpoint;
    story.peer = connections_.find_peer(endpoint);
    if (story.lost > 0 && story.peer != nullptr && !opened_together(*story.own, *story.peer))
        story.peer = nullptr;
    if (story.own == nullptr) return story;
    story.late_answer = story.own->late_answer.get();
    // One that left before the connection was opened belongs to another.
    const Ktime opened = story.own->remembered ? story.own->remembered->opened : Ktime{};
    const SentReset& sent = story.own->peer_reset;
    const Connection* sender = sent ? connections_.find(sent->body.endpoint.id) : nullptr;
    const bool is_anothers = sender != nullptr && are_of_two_connections(*story.own, *sender);
    if (sent && sent->at >= opened && !is_anothers && !may_be_anothers(story, *sent))
        story.peer_reset = sent.get();
    return story;
}

}  // namespace pipetrace
