#include "correlate/correlator.h"

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

namespace pipetrace {
namespace {

/// Of an ended endpoint: its other end may still fail.
constexpr std::uint64_t kHoldNs = 200'000'000;
/// After a process's exit its descriptors are closed, and their counts come.
constexpr std::uint64_t kExitGraceNs = 50'000'000;
constexpr std::size_t kSocketlessResetsMax = 4096;
constexpr std::size_t kPipeReadersMax = 8192;

/// Takes over the kernel programs' count of repeats; false where it says nothing new.
bool raise_count(Failure& failure, const FailureCount& count) {
    const auto raise = [&](auto& met) {
        if (met.task.tid != count.tid || met.body.call.number != count.call_number) return false;
        if (met.count >= count.count) return false;
        met.count = count.count;
        return true;
    };
    bool raised = false;
    if (count.is_sigpipe) {
        for (auto& sigpipe : failure.sigpipes) raised |= raise(sigpipe);
    } else {
        for (auto& call : failure.calls) raised |= call.body.error == count.error && raise(call);
    }
    return raised;
}

bool is_connect(SyscallName name, std::uint16_t number) {
    const char* text = name != nullptr ? name(number) : nullptr;
    return text != nullptr && std::string_view(text) == "connect";
}

}  // namespace

Correlator::Correlator(CorrelatorConfig config, Sink sink)
    : config_(std::move(config)), sink_(std::move(sink)), connections_(config_.endpoints_max) {}

void Correlator::observe(const Event& event) { reorder_.push(event); }

void Correlator::advance_to(Ktime now) {
    const Ktime watermark = now - config_.reorder_ns;
    loss_.advance_to(now);
    while (const auto event = reorder_.pop(watermark)) process(*event);
    now_ = std::max(now_, watermark);
    close_exited(now_);
    print_due(now_);
    forget_old(now_);
}

void Correlator::process(const Event& event) {
    now_ = std::max(now_, event.at);
    // Not only in advance_to(): how often that is called must not matter.
    close_exited(event.at);
    print_due(event.at);
    forget_old(event.at);
    std::visit([&](const auto& body) { on(event, body); }, event.body);
}

bool Correlator::take_owner_wanted() { return std::exchange(owner_wanted_, false); }

void Correlator::on(const Event& event, const ResetReceived& body) {
    Connection& connection = connections_.touch(body.endpoint);
    if (connection.reset) {
        ++resets_received_;  // connect() tried again on the same socket
        return;
    }
    connection.reset = Stamped<ResetReceived>{event.at, event.task, body};
    connection.reset_in_doubt = is_reset_in_doubt(body);
    if (!connection.reset_in_doubt) ++resets_received_;
    if (!connection.remembered || !connection.remembered->owner.known()) owner_wanted_ = true;
}

void Correlator::on(const Event& event, const ResetSent& body) {
    ++resets_sent_;
    const Stamped<ResetSent> sent{event.at, event.task, body};
    // A socket that answers late data may be destroyed already: it must not be brought back.
    const bool is_live = body.active || connections_.find(body.endpoint.id) != nullptr;
    if (body.endpoint.id == 0 || !is_live) {
        if (socketless_resets_.size() >= kSocketlessResetsMax) socketless_resets_.clear();
        socketless_resets_.insert_or_assign({body.endpoint.local, body.endpoint.remote}, sent);
        return;
    }
    Connection& connection = connections_.touch(body.endpoint);
    if (body.active) connection.aborted_here = true;
    if (!body.active && connection.reset_in_doubt) connection.reset.reset();
    if (!connection.reset_sent) connection.reset_sent = sent;
}

void Correlator::on(const Event& event, const ErrorRaised& body) {
    Connection& connection = connections_.touch(body.endpoint);
    if (body.tcp.error != 0) {
        // The aborter's own socket gets a report too; the network's comes first or not at all.
        if (connection.aborted_here && !connection.reset) return;
        if (!connection.error) connection.error = Stamped<ErrorRaised>{event.at, event.task, body};
        return;
    }
    if (!event.task.known() || !is_connect(config_.syscall_name, body.call.number)) return;
    const int error = pending_error(connection);
    if (error == 0) return;
    CallFailed call;
    call.endpoint = connection.endpoint;
    call.tcp = connection.error ? connection.error->body.tcp : body.tcp;
    call.call = body.call;
    call.error = error;
    connection.error_taken = true;
    add_call(open_failure(connection.endpoint, event.task, event.at),
             FailedCall{event.at, event.task, call, 1, false, nullptr});
}

void Correlator::on(const Event& event, const CallFailed& body) {
    Endpoint endpoint = body.endpoint;
    if (const Connection* known = connections_.find(endpoint.id)) endpoint = known->endpoint;
    Connection& connection = connections_.touch(endpoint);
    Failure& failure = open_failure(endpoint, event.task, event.at);
    if (body.error == pending_error(connection)) {
        connection.error_taken = true;
    } else if (body.tcp.error == 0 && pending_error(connection) != EPIPE) {
        infer_taken_error(failure, connection, event.at, event.task);
    }
    add_call(failure, FailedCall{event.at, event.task, body, 1, false, nullptr});
}

/// The pending error is gone and no call was seen to report it: one did all the same. Where every
/// send and receive is seen, only SO_ERROR is left.
void Correlator::infer_taken_error(Failure& failure, const Connection& connection, Ktime at,
                                   const Task& task) {
    const int error = pending_error(connection);
    if (error == 0 || connection.error_taken) return;
    CallFailed call;
    call.endpoint = connection.endpoint;
    call.error = error;
    if (connection.reset) call.tcp = connection.reset->body.tcp;
    // A lost record could have shown a send or a receive.
    const bool any_lost = loss_.total() > failure.lost_before;
    const bool all_seen = config_.receives_seen && config_.sends_seen && !any_lost;
    Task unknown_thread = task;
    unknown_thread.tid = 0;
    add_call(failure, FailedCall{at, unknown_thread, call, 1, true, all_seen ? "getsockopt" : nullptr});
    connections_.touch(connection.endpoint).error_taken = true;
}

void Correlator::on(const Event& event, const SigpipeGenerated& body) {
    Endpoint endpoint = body.endpoint;
    if (!endpoint.known()) {
        ++unattributed_;
        return;
    }
    if (endpoint.kind == EndpointKind::kTcp) {
        if (const Connection* known = connections_.find(endpoint.id)) endpoint = known->endpoint;
        connections_.touch(endpoint);
    }
    Failure& failure = open_failure(endpoint, event.task, event.at);
    if (endpoint.kind == EndpointKind::kTcp && body.tcp.error == 0) {
        const Connection& connection = *connections_.find(endpoint.id);
        if (pending_error(connection) != EPIPE) {  // that was taken by this very write
            infer_taken_error(failure, connection, event.at, event.task);
        }
    }
    if (failure.sigpipes.size() < kCallKindsMax) {
        failure.sigpipes.push_back(RaisedSigpipe{event.at, event.task, body, 1, std::nullopt});
    } else {
        ++failure.sigpipes.back().count;
    }
    failure.changed = true;
    failures_.await_delivery(event.task.tid, {endpoint.id, event.task.process.tgid});
}

void Correlator::on(const Event& event, const SigpipeDelivered& body) {
    Failure* failure = failures_.take_awaited(event.task.tid);
    if (failure == nullptr) return;
    for (auto sigpipe = failure->sigpipes.rbegin(); sigpipe != failure->sigpipes.rend(); ++sigpipe) {
        if (sigpipe->delivered || sigpipe->task.tid != event.task.tid) continue;
        sigpipe->delivered = Stamped<SigpipeDelivered>{event.at, event.task, body};
        failure->changed = true;
        return;
    }
}

void Correlator::on(const Event&, const EndpointRemembered& body) {
    Connection& connection = connections_.touch(body.endpoint);
    connection.remembered = body;
    if (!connection.closure.known()) connection.closure = body.closure;
}

void Correlator::on(const Event&, const StateChanged& body) {
    Connection& connection = connections_.touch(body.endpoint);
    if (!connection.closure.known()) connection.closure = body.closure;
}

void Correlator::on(const Event& event, const EndpointDestroyed& body) {
    Connection* connection = connections_.find(body.endpoint.id);
    if (connection == nullptr) return;
    connection->destroyed = true;
    connection->destroyed_at = event.at;
    connection->destroyed_by = event.task;
    connection->error_at_destroy = body.tcp.error;
    end_endpoint(body.endpoint.id);
}

void Correlator::on(const Event&, const FailuresCounted& body) {
    for (const FailureKey& key : failures_.of_endpoint(body.endpoint.id)) {
        Failure& failure = *failures_.find(key);
        for (const FailureCount& count : body.counts) {
            if (count.count != 0) failure.changed |= raise_count(failure, count);
        }
    }
}

void Correlator::on(const Event&, const PipeReaderSeen& body) {
    if (pipe_readers_.size() >= kPipeReadersMax) pipe_readers_.erase(pipe_readers_.begin());
    pipe_readers_.insert_or_assign(body.endpoint.id, body);
}

void Correlator::on(const Event& event, const ProcessExited& body) {
    for (const FailureKey& key : failures_.of_process(event.task.process.tgid)) {
        Failure& failure = *failures_.find(key);
        failure.exited = body;
        failure.exited_at = event.at;
        failure.changed = true;
        exited_.emplace_back(event.at, key);
    }
}

/// Nothing is dropped untold: the oldest is printed as it stands.
void Correlator::evict_oldest() {
    Failure* oldest = failures_.oldest();
    if (oldest == nullptr) return;
    print_if_news(*oldest);
    failures_.erase({oldest->endpoint.id, oldest->task.process.tgid});
    ++evicted_;
}

/// The story began with what ended the connection, if that was seen.
std::uint64_t Correlator::lost_before(const Connection* connection, Ktime at) const {
    if (connection != nullptr && connection->reset) at = std::min(at, connection->reset->at);
    return loss_.total_before(at);
}

Failure& Correlator::open_failure(const Endpoint& endpoint, const Task& task, Ktime at) {
    const FailureKey key{endpoint.id, task.process.tgid};
    if (Failure* found = failures_.find(key)) return *found;
    if (failures_.size() >= config_.failures_max) evict_oldest();
    Failure& failure = failures_.open(key, at);
    failure.endpoint = endpoint;
    failure.task = task;
    Connection* connection = connections_.find(endpoint.id);
    failure.lost_before = lost_before(connection, at);
    if (connection != nullptr) connection->told = true;
    opened_.emplace_back(at, key);
    return failure;
}

void Correlator::add_call(Failure& failure, const FailedCall& call) {
    failure.changed = true;
    for (FailedCall& met : failure.calls) {
        const bool same = met.task.tid == call.task.tid && met.body.error == call.body.error &&
                          met.body.call.number == call.body.call.number && met.inferred == call.inferred;
        if (!same) continue;
        ++met.count;
        return;
    }
    if (failure.calls.size() >= kCallKindsMax) {
        ++failure.calls.back().count;
        return;
    }
    failure.calls.push_back(call);
}

void Correlator::end_endpoint(std::uint64_t id) {
    const std::vector<FailureKey> keys = failures_.of_endpoint(id);
    for (const FailureKey& key : keys) {
        print_if_news(*failures_.find(key));
        failures_.erase(key);
    }
    Connection* connection = connections_.find(id);
    if (connection == nullptr) return;
    if (keys.empty() && is_silent_story(*connection)) end_silent(*connection);
    destroyed_.emplace_back(now_, id);
    if (const Connection* peer = connections_.find_peer(connection->endpoint)) {
        if (peer->closure.known() || peer->destroyed) destroyed_.emplace_back(now_, peer->endpoint.id);
    }
}

/// A RST that no program was told of by a call that we saw. Not where the program had closed first
/// and left: then nobody is there to be told, and nothing went wrong for it.
bool Correlator::is_silent_story(const Connection& connection) const {
    if (!connection.reset || connection.reset_in_doubt || connection.told) return false;
    if (connection.aborted_here) return false;
    const Ktime closed_at = connection.closure.at;
    const bool fin_seen = connection.remembered && connection.remembered->fin_seen;
    return !(closed_at.known() && closed_at <= connection.reset->at && !fin_seen);
}

void Correlator::end_silent(Connection& connection) {
    Failure failure;
    failure.endpoint = connection.endpoint;
    failure.first_at = connection.reset->at;
    failure.lost_before = lost_before(&connection, failure.first_at);
    if (connection.remembered) failure.task = connection.remembered->owner;
    if (!failure.task.known()) failure.task = connection.closure.by;
    if (!failure.task.known()) failure.task = connection.destroyed_by;
    if (connection.destroyed && connection.error_at_destroy == 0) {
        infer_taken_error(failure, connection, connection.destroyed_at, failure.task);
    }
    connection.told = true;
    print(failure);
}

Story Correlator::story_of(const Failure& failure) const {
    Story story;
    story.failure = &failure;
    story.syscall_name = config_.syscall_name;
    story.sends_seen = config_.sends_seen;
    story.receives_seen = config_.receives_seen;
    story.own = connections_.find(failure.endpoint.id);
    if (failure.endpoint.kind == EndpointKind::kPipe) {
        const auto reader = pipe_readers_.find(failure.endpoint.id);
        if (reader != pipe_readers_.end()) story.reader = &reader->second;
        return story;
    }
    const Endpoint& endpoint = story.own != nullptr ? story.own->endpoint : failure.endpoint;
    story.peer = connections_.find_peer(endpoint);
    const auto socketless = socketless_resets_.find({endpoint.remote, endpoint.local});
    if (story.peer != nullptr && story.peer->reset_sent) {
        story.peer_reset = &*story.peer->reset_sent;
    } else if (socketless != socketless_resets_.end() && is_of(socketless->second.at, story.own)) {
        story.peer_reset = &socketless->second;
    }
    return story;
}

void Correlator::print(Failure& failure) {
    Incident incident = tell(story_of(failure));
    incident.id = fmt::format("{}-{:x}-{:x}-{}", config_.id_prefix, failure.first_at.ns,
                              failure.endpoint.id, failure.task.process.tgid);
    incident.revision = failure.printed ? ++failure.revision : 0;
    incident.lost = loss_.total() - failure.lost_before;
    failure.printed = true;
    failure.changed = false;
    sink_(std::move(incident));
}

void Correlator::print_if_news(Failure& failure) {
    if (!failure.printed || failure.changed) print(failure);
}

void Correlator::print_due(Ktime now) {
    while (!opened_.empty() && opened_.front().first + config_.print_after_ns <= now) {
        Failure* failure = failures_.find(opened_.front().second);
        if (failure != nullptr && !failure->printed) print(*failure);
        opened_.pop_front();
    }
}

void Correlator::close_exited(Ktime now) {
    while (!exited_.empty() && exited_.front().first + kExitGraceNs <= now) {
        const FailureKey key = exited_.front().second;
        exited_.pop_front();
        Failure* failure = failures_.find(key);
        if (failure == nullptr || !failure->exited) continue;
        print_if_news(*failure);
        failures_.erase(key);
    }
}

void Correlator::forget_old(Ktime now) {
    while (!destroyed_.empty() && destroyed_.front().first + kHoldNs <= now) {
        const std::uint64_t id = destroyed_.front().second;
        destroyed_.pop_front();
        // Part of a story that is still open at the other end, whose end will come by here again.
        const Connection* connection = connections_.find(id);
        const Connection* peer =
            connection != nullptr ? connections_.find_peer(connection->endpoint) : nullptr;
        const bool is_needed = peer != nullptr && !peer->destroyed && (peer->told || peer->reset);
        if (!is_needed) connections_.erase(id);
    }
}

void Correlator::finish() {
    while (const auto event = reorder_.pop(Ktime{UINT64_MAX})) process(*event);
    for (const FailureKey& key : failures_.by_age()) print_if_news(*failures_.find(key));
    failures_.clear();
    connections_.for_each([&](Connection& connection) {
        if (is_silent_story(connection)) end_silent(connection);
    });
}

}  // namespace pipetrace
