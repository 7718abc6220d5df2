// What each kind of event adds to what is known.
#include "correlate/correlator.h"
#include "correlate/end_facts.h"

#include <algorithm>
#include <cerrno>

namespace pipetrace {
namespace {

constexpr std::uint8_t kSyn = 0x02;

}  // namespace

void Correlator::on(const Event& event, const ResetReceived& body) {
    Connection& connection = connections_.touch(body.endpoint);
    if (!note_reset(connection, event, body)) {
        count_refused_again(connection, event.at);
        return;
    }
    connection.peer_reset = sent_resets_.find(connection.endpoint, event.at);
    if (!connection.reset_in_doubt) {
        count_received(connection, event.at);
        origins_.tell_elsewhere_to(connection.endpoint);
    }
    if (!connection.remembered || !connection.remembered->owner.known()) owner_wanted_ = true;
}

void Correlator::on(const Event& event, const ResetSent& body) {
    resets_sent_.count(body.reason);
    const SentReset sent = std::allocate_shared<const Stamped<ResetSent>>(
        std::pmr::polymorphic_allocator<>(&pool_), Stamped<ResetSent>{event.at, event.task, body});
    // A socket that answers late data may be destroyed already: it must not be brought back.
    const bool is_known = body.active || connections_.find(body.endpoint.id) != nullptr;
    const bool is_live = body.endpoint.id != 0 && is_known;
    join_sent_reset(sent, is_live);
    note_origin(sent);
    if (!is_live) return;
    Connection& connection = connections_.touch(body.endpoint);
    note_reset_sent(connection, body);
    if (!connection.reset_sent) connection.reset_sent = sent;
}

/// With who received it, or will; or with what the peer sent after its own RST.
void Correlator::join_sent_reset(const SentReset& sent, bool is_live) {
    const ResetSent& body = sent->body;
    sent_resets_.add(sent);
    const auto follows = [&](const Connection* reset, std::uint64_t within_ns) {
        return reset != nullptr && reset->reset && reset->reset->at <= sent->at &&
               sent->at <= reset->reset->at + within_ns;
    };
    Connection* receiver = body.active ? connections_.find_peer(body.endpoint) : nullptr;
    if (follows(receiver, kAbortRecordLagNs)) {
        sent_resets_.received(sent);
        if (!receiver->peer_reset) receiver->peer_reset = sent;
    }
    if (is_live || (body.provoking_flags & kSyn) != 0) return;
    Connection* dead = connections_.find_same(body.endpoint);
    if (follows(dead, kResetTravelNsMax) && !dead->late_answer) dead->late_answer = sent;
}

void Correlator::on(const Event& event, const ErrorRaised& body) {
    Connection& connection = connections_.touch(body.endpoint);
    if (body.tcp.error != 0) {
        if (note_error(connection, event, body) && !connection.reset) owner_wanted_ = true;
        return;
    }
    const auto call = failed_connect(connection, event, body, *config_.syscall_names);
    if (!call) return;
    connection.error_taken = true;
    add_call(open_failure(connection.endpoint, event.task, event.at),
             FailedCall{event.at, event.task, *call, 1, false, nullptr});
}

void Correlator::on(const Event& event, const CallFailed& body) {
    Endpoint endpoint = body.endpoint;
    if (endpoint.kind != EndpointKind::kTcp) {
        Failure& failure = open_failure(endpoint, event.task, event.at);
        if (body.error == ECONNRESET) {
            forget_inferred_taker(endpoint, ECONNRESET);
        } else {
            infer_taken_reset(failure, body.tcp, event.at, event.task);
        }
        add_call(failure, {event.at, event.task, body, 1, false, nullptr});
        return;
    }
    if (const Connection* known = connections_.find(endpoint.id)) endpoint = known->endpoint;
    Connection& connection = connections_.touch(endpoint);
    note_holder(connection, event.task);
    Failure& failure = open_failure(endpoint, event.task, event.at);
    if (body.error == pending_error(connection)) {
        connection.error_taken = true;
        forget_inferred_taker(endpoint, body.error);
    } else if (body.tcp.error == 0 && pending_error(connection) != EPIPE) {
        infer_taken_error(failure, connection, event.at, event.task);
    }
    add_call(failure, FailedCall{event.at, event.task, body, 1, false, nullptr});
}

/// The pending error is gone and no call was seen to report it: one did all the same. Where every
/// send and receive is seen, SO_ERROR is left; where that is seen as well, a rare one (splice from a socket).
void Correlator::infer_taken_error(Failure& failure, const Connection& connection, Ktime at,
                                   const Task& task) {
    if (!is_error_left(connection)) return;
    const int error = pending_error(connection);
    // A lost record could have shown a send or a receive.
    const bool any_lost = lost_during(failure) > 0;
    const bool all_seen = config_.receives_seen && config_.sends_seen && is_seen_in_calls(error) && !any_lost;
    const bool was_asked = all_seen && !config_.error_asked_seen;
    add_call(failure, inferred_call(connection, at, task, was_asked ? "getsockopt" : nullptr));
    connections_.touch(connection.endpoint).error_taken = true;
}

/// The same of a unix socket, whose error the other end's close left there.
void Correlator::infer_taken_reset(Failure& failure, const TcpFacts& facts, Ktime at, const Task& task) {
    const KnownEnds* ends = known_ends_.find(failure.endpoint.id);
    if (facts.error != 0 || ends == nullptr || !ends->other || !is_reset_by(*ends->other, at)) return;
    for (const FailureKey& key : failures_.of_endpoint(failure.endpoint.id)) {
        if (was_told(*failures_.find(key), ECONNRESET)) return;
    }
    const bool any_lost = lost_during(failure) > 0;
    const bool all_seen = config_.unix_receives_seen && config_.unix_sends_seen && !any_lost;
    const bool was_asked = all_seen && !config_.error_asked_seen;
    add_call(failure, inferred_reset(failure.endpoint, at, task, was_asked ? "getsockopt" : nullptr));
}

/// Only one call takes a pending error, and here it is. Another thread's write that found it gone can be
/// recorded first.
void Correlator::forget_inferred_taker(const Endpoint& endpoint, int error) {
    for (const FailureKey& key : failures_.of_endpoint(endpoint.id)) {
        forget_inferred_call(*failures_.find(key), error);
    }
}

void Correlator::on(const Event& event, const SigpipeGenerated& body) {
    Endpoint endpoint = body.endpoint;
    if (!endpoint.known()) {
        ++unattributed_;
        return;
    }
    if (endpoint.kind == EndpointKind::kTcp) {
        if (const Connection* known = connections_.find(endpoint.id)) endpoint = known->endpoint;
        note_holder(connections_.touch(endpoint), event.task);
    }
    Failure& failure = open_failure(endpoint, event.task, event.at);
    if (endpoint.kind == EndpointKind::kUnix) infer_taken_reset(failure, body.tcp, event.at, event.task);
    if (endpoint.kind == EndpointKind::kTcp && body.tcp.error == 0) {
        const Connection& connection = *connections_.find(endpoint.id);
        if (pending_error(connection) != EPIPE) {  // that was taken by this very write
            infer_taken_error(failure, connection, event.at, event.task);
        }
    }
    add_raised_sigpipe(failure, event, body);
    remember_sigpipe(failure, {event.at, event.task, body, 1, std::nullopt});
    const FailureKey key{endpoint.id, event.task.process.tgid};
    for (const FailureKey& given_up : failures_.await_delivery(event.task.tid, key)) {
        if (Failure* untold = failures_.find(given_up)) untold->cut_short = true;
    }
}

void Correlator::on(const Event& event, const SigpipeDelivered& body) {
    Failure* failure = failures_.take_awaited(event.task.tid);
    if (failure == nullptr || failure->task.process != event.task.process) return;
    if (const RaisedSigpipe* sigpipe = add_delivery(*failure, event, body))
        remember_sigpipe(*failure, *sigpipe);
}

void Correlator::on(const Event&, const EndpointRemembered& body) {
    if (add_to_origin(body)) return;
    Connection& connection = connections_.touch(body.endpoint);
    note_remembered(connection, body);
    if (!connection.remembered->owner.known() && !body.closure.by.known()) owner_wanted_ = true;
    connections_.disown_reset(connection);
    const bool is_of_earlier = connection.peer_reset && connection.peer_reset->at < body.opened;
    if (is_of_earlier && connection.reset) {
        connection.peer_reset = sent_resets_.find(connection.endpoint, connection.reset->at, body.opened);
    }
}

void Correlator::on(const Event&, const StateChanged& body) {
    Connection& connection = connections_.touch(body.endpoint);
    note_closure(connection, body.closure);
    add_to_origin(connection.endpoint, body.closure);
}

void Correlator::on(const Event& event, const EndpointDestroyed& body) {
    if (body.endpoint.kind != EndpointKind::kTcp) return end_endpoint(body.endpoint.id);
    Connection* connection = connections_.find(body.endpoint.id);
    if (connection == nullptr || !note_destroyed(*connection, event, body)) return;
    end_endpoint(body.endpoint.id);
}

void Correlator::on(const Event&, const FailuresCounted& body) {
    for (const FailureKey& key : failures_.of_endpoint(body.endpoint.id)) {
        Failure& failure = *failures_.find(key);
        for (const FailureCount& count : body.counts) {
            if (count.count == 0 || !is_met_by(failure, count.tid)) continue;
            failure.changed |= raise_count(failure, count);
            remember_repeats(failure, count);
        }
    }
}

void Correlator::on(const Event& event, const OtherEndSeen& body) {
    KnownEnds& ends = known_ends_.touch(body.endpoint.id);
    ends.seen_at = event.at;
    std::optional<OtherEndSeen>& known = ends.other;
    // A datagram socket that has let go of its receiver knows no more of it; what was seen before holds.
    const bool knows_less =
        known && known->other_end == OtherEnd::kGone && body.other_end == OtherEnd::kUnknown;
    if (!knows_less) known = body;
}

void Correlator::on(const Event& event, const UnixNamed& body) {
    KnownEnds& ends = known_ends_.touch(body.endpoint.id);
    ends.seen_at = event.at;
    std::optional<UnixNamed>& known = ends.names;
    const bool knows_less = known && known->remote.known() && (!body.remote.known() || body.is_target);
    if (!knows_less) known = body;
}

/// Each record counts the drops since the one before. Of those around a RST only the nearest can be its
/// reason.
void Correlator::on(const Event&, const PacketFiltered& body) {
    Connection& connection = connections_.touch(body.endpoint);
    std::optional<PacketFiltered>& known = connection.filtered;
    if (!known) {
        known = body;
        return;
    }
    const bool ended = connection.reset && !connection.reset_in_doubt;
    const auto distance = [&](Ktime drop) {
        const Ktime rst = connection.reset->at;
        return drop > rst ? drop.ns - rst.ns : rst.ns - drop.ns;
    };
    if (body.last <= known->last) return;
    if (ended && distance(known->last) <= distance(body.last)) return;
    known->last = body.last;
    known->count += body.count;
}

void Correlator::on(const Event& event, const SamplingChanged& body) {
    const bool tells_all = body.share_millionths == SamplingChanged::kAllMillionths;
    if (is_sampling_ && tells_all) sampled_until_ = event.at;
    is_sampling_ = !tells_all;
    if (is_sampling_) sampling_.share_millionths = body.share_millionths;
    sampling_.counted_only = body.counted_only;
}

void Correlator::on(const Event& event, const ProcessExited& body) {
    history_.exited(event.task.process, body.exit_code, event.at);
    for (const FailureKey& key : failures_.of_process(event.task.process.tgid)) {
        Failure& failure = *failures_.find(key);
        if (failure.task.process != event.task.process) continue;
        if (!failure.exited) exited_.emplace_back(event.at, key);
        failure.exited = body;
        failure.exited_at = event.at;
        failure.changed = true;
    }
}

}  // namespace pipetrace
