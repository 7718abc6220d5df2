#include "correlate/shed_tally.h"

#include <algorithm>
#include <cerrno>

namespace pipetrace {

ShedTally::ShedTally(CorrelatorConfig config, Sink sink, Met met)
    : config_(std::move(config)), sink_(std::move(sink)), met_(std::move(met)) {}

void ShedTally::observe(const Event& event) {
    std::visit([&](const auto& body) { on(event, body); }, event.body);
}

void ShedTally::advance_to(Ktime now) {
    close_exited(now);
    count_due(now);
    forget_idle(now);
}

void ShedTally::finish() {
    for (auto& [id, end] : ends_) {
        const Connection& connection = end.connection;
        if (connection.reset && connection.reset_in_doubt && config_.resets_sent_seen)
            resets_received_.count({});
        if (end.failures.empty() && is_silent_end(connection)) end_silent(end);
        for (CountedFailure& failure : end.failures) count(end, failure);
    }
    ends_.clear();
    others_ = 0;
    others_by_age_.clear();
    by_process_.clear();
    awaited_.clear();
    by_age_.clear();
    opened_.clear();
    exited_.clear();
}

void ShedTally::add_open_ends(Tgid tgid, std::vector<std::uint64_t>& ids) const {
    const auto first = by_process_.lower_bound({tgid, 0});
    for (auto one = first; one != by_process_.end() && one->first == tgid; ++one) ids.push_back(one->second);
}

std::size_t ShedTally::entries() const {
    return ends_.size() + by_process_.size() + awaited_.size() + by_age_.size() + others_by_age_.size() +
           opened_.size() + exited_.size();
}

void ShedTally::on(const Event& event, const ResetReceived& body) {
    Connection& connection = touch(body.endpoint, event.at).connection;
    const bool is_first = note_reset(connection, event, body);
    if (!is_first || !connection.reset_in_doubt) resets_received_.count({});
}

void ShedTally::on(const Event& event, const ResetSent& body) {
    resets_sent_.count(body.reason);
    if (body.endpoint.id == 0) return;
    End* end = find(body.endpoint.id);
    if (end == nullptr && !body.active) return;
    note_reset_sent(end != nullptr ? end->connection : touch(body.endpoint, event.at).connection, body);
}

void ShedTally::on(const Event& event, const ErrorRaised& body) {
    End& end = touch(body.endpoint, event.at);
    if (body.tcp.error != 0) {
        note_error(end.connection, event, body);
        return;
    }
    const auto call = failed_connect(end.connection, event, body, *config_.syscall_names);
    if (!call) return;
    end.connection.error_taken = true;
    add_failed_call(open_failure(end, event.task, event.at),
                    {event.at, event.task, *call, 1, false, nullptr});
}

void ShedTally::on(const Event& event, const CallFailed& body) {
    End& end = touch(body.endpoint, event.at);
    const bool is_tcp = body.endpoint.kind == EndpointKind::kTcp;
    if (is_tcp) note_holder(end.connection, event.task);
    Failure& failure = open_failure(end, event.task, event.at);
    const int pending = is_tcp ? pending_error(end.connection) : ECONNRESET;
    if (body.error == pending) {
        end.connection.error_taken = true;
        forget_inferred_taker(end, body.error);
    } else if (!is_tcp) {
        infer_taken_reset(end, failure, body.tcp, event.at, event.task);
    } else if (body.tcp.error == 0 && pending != EPIPE) {
        infer_taken_error(end, failure, event.at, event.task);
    }
    add_failed_call(failure, {event.at, event.task, body, 1, false, nullptr});
}

void ShedTally::on(const Event& event, const SigpipeGenerated& body) {
    if (!body.endpoint.known()) {
        ++unattributed_;
        return;
    }
    End& end = touch(body.endpoint, event.at);
    if (body.endpoint.kind == EndpointKind::kTcp) note_holder(end.connection, event.task);
    Failure& failure = open_failure(end, event.task, event.at);
    if (body.endpoint.kind == EndpointKind::kUnix) {
        infer_taken_reset(end, failure, body.tcp, event.at, event.task);
    } else if (body.endpoint.kind == EndpointKind::kTcp && body.tcp.error == 0 &&
               pending_error(end.connection) != EPIPE) {
        infer_taken_error(end, failure, event.at, event.task);
    }
    add_raised_sigpipe(failure, event, body);
    await_delivery(event.task.tid, {body.endpoint.id, event.task.process.tgid});
}

void ShedTally::on(const Event& event, const SigpipeDelivered& body) {
    const auto found = awaited_.find(event.task.tid);
    if (found == awaited_.end()) return;
    const FailureKey key = found->second;
    awaited_.erase(found);
    End* end = find(key.first);
    if (end == nullptr) return;
    for (CountedFailure& failure : end->failures) {
        if (failure.failure.task.process == event.task.process) add_delivery(failure.failure, event, body);
    }
}

void ShedTally::on(const Event& event, const EndpointRemembered& body) {
    note_remembered(touch(body.endpoint, event.at).connection, body);
}

void ShedTally::on(const Event& event, const StateChanged& body) {
    note_closure(touch(body.endpoint, event.at).connection, body.closure);
}

void ShedTally::on(const Event& event, const EndpointDestroyed& body) {
    End* end = find(body.endpoint.id);
    if (end == nullptr) return;
    Connection& connection = end->connection;
    note_destroyed(connection, event, body);
    if (connection.reset && connection.reset_in_doubt && config_.resets_sent_seen) resets_received_.count({});
    if (end->failures.empty() && is_silent_end(connection)) end_silent(*end);
    close_all(*end);
    erase(body.endpoint.id);
}

void ShedTally::on(const Event&, const FailuresCounted& body) {
    End* end = find(body.endpoint.id);
    if (end == nullptr) return;
    for (CountedFailure& failure : end->failures) {
        for (const FailureCount& count : body.counts) {
            if (count.count != 0) raise_count(failure.failure, count);
        }
    }
}

void ShedTally::on(const Event& event, const OtherEndSeen& body) {
    std::unique_ptr<OtherEndSeen>& known = touch(body.endpoint, event.at).other;
    const bool knows_less =
        known && known->other_end == OtherEnd::kGone && body.other_end == OtherEnd::kUnknown;
    if (!knows_less) known = std::make_unique<OtherEndSeen>(body);
}

void ShedTally::on(const Event& event, const ProcessExited& body) {
    const Tgid tgid = event.task.process.tgid;
    for (auto one = by_process_.lower_bound({tgid, 0}); one != by_process_.end() && one->first == tgid;
         ++one) {
        End* end = find(one->second);
        if (end == nullptr) continue;
        for (CountedFailure& failure : end->failures) {
            if (failure.failure.task.process != event.task.process) continue;
            if (!failure.failure.exited) exited_.push_back({event.at, {one->second, tgid}, end->number});
            failure.failure.exited = body;
            failure.failure.exited_at = event.at;
        }
    }
}

ShedTally::End* ShedTally::find(std::uint64_t id) {
    const auto found = ends_.find(id);
    return found != ends_.end() ? &found->second : nullptr;
}

ShedTally::End* ShedTally::find(const Waiting& waiting) {
    End* end = find(waiting.key.first);
    return end != nullptr && end->number == waiting.number ? end : nullptr;
}

ShedTally::End& ShedTally::touch(const Endpoint& endpoint, Ktime at) {
    if (End* known = find(endpoint.id)) {
        // A disconnected socket forgets its addresses; the first ones seen are the connection's.
        Endpoint& first = known->connection.endpoint;
        if (first.remote.port == 0 && endpoint.remote.port != 0) first = endpoint;
        return *known;
    }
    if (ends_.size() >= config_.endpoints_max) evict_oldest(nullptr);
    const bool is_other = endpoint.kind != EndpointKind::kTcp;
    if (is_other && others_ >= config_.known_ends_max) evict_others();
    End& end = ends_[endpoint.id];
    end.connection.endpoint = endpoint;
    end.number = ++numbers_;
    by_age_.push_back({at, {endpoint.id, 0}, end.number});
    drop_stale(by_age_);
    if (is_other) {
        ++others_;
        others_by_age_.push_back(by_age_.back());
        drop_stale(others_by_age_);
    }
    return end;
}

Failure& ShedTally::open_failure(End& end, const Task& task, Ktime at) {
    const std::uint64_t id = end.connection.endpoint.id;
    const Tgid tgid = task.process.tgid;
    for (auto one = end.failures.begin(); one != end.failures.end(); ++one) {
        const Task& known = one->failure.task;
        if (known.process.tgid != tgid) continue;
        if (known.process == task.process || !task.known() || !known.known()) return one->failure;
        // Another process with a number that was given out again: the end of the first was not seen.
        count(end, *one);
        end.failures.erase(one);
        break;
    }
    if (by_process_.size() >= config_.failures_max) make_room_beside(end);
    end.connection.told = true;
    CountedFailure& opened = end.failures.emplace_back();
    opened.failure.endpoint = end.connection.endpoint;
    opened.failure.task = task;
    opened.failure.first_at = at;
    by_process_.insert({tgid, id});
    opened_.push_back({at, {id, tgid}, end.number});
    drop_stale(opened_);
    met_(task);
    return opened.failure;
}

void ShedTally::infer_taken_error(End& end, Failure& failure, Ktime at, const Task& task) {
    if (!is_error_left(end.connection)) return;
    add_failed_call(failure, inferred_call(end.connection, at, task, nullptr));
    end.connection.error_taken = true;
}

void ShedTally::infer_taken_reset(End& end, Failure& failure, const TcpFacts& facts, Ktime at,
                                  const Task& task) {
    if (facts.error != 0 || end.other == nullptr || !is_reset_by(*end.other, at)) return;
    for (const CountedFailure& told : end.failures) {
        if (was_told(told.failure, ECONNRESET)) return;
    }
    add_failed_call(failure, inferred_reset(failure.endpoint, at, task, nullptr));
}

void ShedTally::forget_inferred_taker(End& end, int error) {
    for (CountedFailure& told : end.failures) forget_inferred_call(told.failure, error);
}

void ShedTally::await_delivery(Tid tid, const FailureKey& key) {
    if (awaited_.size() >= config_.failures_max) {
        evicted_ += awaited_.size();
        awaited_.clear();
    }
    awaited_.insert_or_assign(tid, key);
}

/// What the network ended and nobody was seen to be told of.
void ShedTally::end_silent(End& end) {
    Connection& connection = end.connection;
    CountedFailure& silent = end.failures.emplace_back();
    silent.failure.endpoint = connection.endpoint;
    silent.failure.first_at = silent_end_of(connection);
    silent.failure.task = last_holder(connection);
    if (connection.destroyed && connection.error_at_destroy == 0)
        infer_taken_error(end, silent.failure, connection.destroyed_at, silent.failure.task);
    connection.told = true;
    met_(silent.failure.task);
}

/// Hands over what is new since it was last counted.
void ShedTally::count(const End& end, CountedFailure& counted) {
    Story story;
    story.failure = &counted.failure;
    const bool is_tcp = counted.failure.endpoint.kind == EndpointKind::kTcp;
    if (is_tcp) story.own = &end.connection;
    story.other_end = end.other.get();
    story.syscall_names = config_.syscall_names;
    story.sends_seen = is_tcp ? config_.sends_seen : config_.unix_sends_seen;
    story.sigpipes_seen = config_.sigpipes_seen;
    const ToldErrors told = told_errors(story);
    CountedIncident incident;
    incident.is_new = !counted.is_counted;
    incident.process = involved(counted.failure.task);
    incident.endpoint = counted.failure.endpoint;
    incident.sigpipe = told.sigpipe;
    for (const FailedCall& call : told.calls) {
        const auto same = [&](const CountedIncident::Error& error) { return error.error == call.body.error; };
        const auto found = std::find_if(incident.errors.begin(), incident.errors.end(), same);
        if (found != incident.errors.end()) {
            found->count += call.count;
        } else {
            incident.errors.push_back({call.body.error, call.count});
        }
    }
    std::vector<CountedIncident::Error> all = incident.errors;
    for (CountedIncident::Error& error : incident.errors) {
        for (const CountedIncident::Error& before : counted.counted) {
            if (before.error == error.error) error.count -= std::min(before.count, error.count);
        }
    }
    std::erase_if(incident.errors, [](const CountedIncident::Error& error) { return error.count == 0; });
    if (!incident.is_new && incident.errors.empty()) return;
    if (incident.is_new) ++incidents_;
    counted.is_counted = true;
    counted.counted = std::move(all);
    sink_(std::move(incident));
}

void ShedTally::close_all(End& end) {
    for (CountedFailure& failure : end.failures) {
        count(end, failure);
        by_process_.erase({failure.failure.task.process.tgid, end.connection.endpoint.id});
    }
    end.failures.clear();
}

}  // namespace pipetrace
