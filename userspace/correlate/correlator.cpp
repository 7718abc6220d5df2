#include "correlate/correlator.h"

#include "correlate/end_facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace pipetrace {
namespace {

/// Of an ended endpoint: its other end may still fail.
constexpr std::uint64_t kHoldNs = 200'000'000;
/// Of two ends that have both ended: only a record that comes late can still speak of them.
constexpr std::uint64_t kHoldBothNs = kAbortRecordLagNs + 10'000'000;
/// After a process's exit its descriptors are closed, and their counts come.
constexpr std::uint64_t kExitGraceNs = 50'000'000;

}  // namespace

Correlator::Correlator(CorrelatorConfig config, Sink sink)
    : config_(std::move(config)),
      sink_(std::move(sink)),
      connections_(config_.endpoints_max, &pool_,
                   [this](const Endpoint& endpoint) { note_forgotten(endpoint, now_); }),
      failures_(&pool_, config_.failures_max),
      history_(config_.processes_max),
      sent_resets_(config_.sent_resets_max, &pool_,
                   [this](const AddressPair& from_to) {
                       Endpoint sender;
                       sender.local = from_to.first;
                       sender.remote = from_to.second;
                       note_forgotten(sender, now_);
                   }),
      origins_(config_.origins_max, [this](Origin& origin) { print_origin(origin); }),
      known_ends_(config_.known_ends_max, [this](std::uint64_t id) {
          Endpoint end;
          end.id = id;
          note_forgotten(end, now_);
      }) {}

void Correlator::observe(const Event& event) { reorder_.push(event); }

void Correlator::advance_to(Ktime now) {
    const Ktime watermark = now - config_.reorder_ns;
    loss_.advance_to(now);
    loss_beyond_tcp_.advance_to(now);
    while (const Event* event = reorder_.pop(watermark)) process(*event);
    now_ = std::max(now_, watermark);
    close_exited(now_);
    print_silent(now_);
    print_due(now_);
    forget_old(now_);
}

namespace {

/// What no kernel program sends: an end of no kind or number, TCP's own events of something else.
bool is_sound(const Event& event) {
    return std::visit(
        [](const auto& body) {
            using Body = std::decay_t<decltype(body)>;
            if constexpr (std::is_same_v<Body, SigpipeGenerated> || !requires { body.endpoint; }) {
                return true;
            } else {
                const bool is_tcp = body.endpoint.kind == EndpointKind::kTcp;
                constexpr bool kEither = std::is_same_v<Body, CallFailed> ||
                                         std::is_same_v<Body, EndpointDestroyed> ||
                                         std::is_same_v<Body, FailuresCounted>;
                constexpr bool kBetweenPrograms =
                    std::is_same_v<Body, OtherEndSeen> || std::is_same_v<Body, UnixNamed>;
                const bool is_known = body.endpoint.known() || std::is_same_v<Body, ResetSent>;
                return is_known && (kEither || is_tcp != kBetweenPrograms);
            }
        },
        event.body);
}

}  // namespace

void Correlator::process(const Event& event) {
    if (!is_sound(event)) {
        ++unsound_;
        return;
    }
    now_ = std::max(now_, event.at);
    // Not only in advance_to(): how often that is called must not matter.
    close_exited(event.at);
    print_silent(event.at);
    print_due(event.at);
    forget_old(event.at);
    std::visit([&](const auto& body) { on(event, body); }, event.body);
}

bool Correlator::take_owner_wanted() { return std::exchange(owner_wanted_, false); }

/// Nothing is dropped untold: the oldest is printed as it stands.
void Correlator::evict_oldest() {
    Failure* oldest = failures_.oldest();
    if (oldest == nullptr) return;
    oldest->cut_short |= !oldest->printed;
    close({oldest->endpoint.id, oldest->task.process.tgid});
    ++early_.of(Table::kFailures);
}

/// What is seen of the other end comes with a failure. Older, where records were lost since: the end of that
/// one may be among them, and its number be another's by now.
void Correlator::forget_other_end_of_earlier(const Endpoint& endpoint, Ktime at) {
    constexpr std::uint64_t kWithNs = 100'000'000;
    const KnownEnds* ends = known_ends_.find(endpoint.id);
    if (ends == nullptr || ends->seen_at + kWithNs >= at) return;
    const LossLog& losses = losses_of(endpoint.kind);
    if (losses.total() > losses.total_before(ends->seen_at)) known_ends_.erase(endpoint.id);
}

Failure& Correlator::open_failure(const Endpoint& endpoint, const Task& task, Ktime at) {
    const FailureKey key{endpoint.id, task.process.tgid};
    if (Failure* found = failures_.find(key)) {
        const bool is_same = found->task.process == task.process || !task.known() || !found->task.known();
        if (is_same) return *found;
        // Another process with a number that was given out again: the end of the first was not seen.
        close(key);
    }
    forget_other_end_of_earlier(endpoint, at);
    if (failures_.size() >= config_.failures_max) evict_oldest();
    Failure& failure = failures_.open(key, at);
    failure.endpoint = endpoint;
    failure.task = task;
    failure.share_millionths = is_sampling_ ? sampling_.share_millionths : 0;
    Connection* connection = connections_.find(endpoint.id);
    if (connection != nullptr) connection->told = true;
    drop_closed();
    opened_.emplace_back(at, key);
    return failure;
}

void Correlator::add_call(Failure& failure, const FailedCall& call) {
    remember_call(failure, call);
    add_failed_call(failure, call);
}

void Correlator::end_endpoint(std::uint64_t id) {
    const FailureKeys keys = failures_.of_endpoint(id);
    for (const FailureKey& key : keys) close(key);
    known_ends_.erase(id);
    Connection* connection = connections_.find(id);
    if (connection == nullptr) return;
    if (keys.empty() && is_silent_story(*connection)) end_silent(*connection);
    settle_origin(*connection);
    destroyed_.emplace_back(now_, id);
    if (const Connection* peer = connections_.find_peer(connection->endpoint)) {
        if (peer->closure.known() || peer->destroyed) destroyed_.emplace_back(now_, peer->endpoint.id);
        if (!peer->destroyed || !connection->destroyed) return;
        both_destroyed_.emplace_back(now_, id);
        both_destroyed_.emplace_back(now_, peer->endpoint.id);
    }
}

/// Failures that are over need not be printed when due.
void Correlator::drop_closed() {
    if (opened_.size() < 2 * config_.failures_max) return;
    std::erase_if(opened_, [this](const auto& opened) {
        const Failure* failure = failures_.find(opened.second);
        return failure == nullptr || failure->first_at != opened.first || failure->printed;
    });
}

/// Its own disconnect leaves the same error, and the record of that may be what was lost.
bool Correlator::is_silent_story(const Connection& connection) const {
    if (!is_silent_end(connection)) return false;
    Failure failure;
    failure.endpoint = connection.endpoint;
    failure.first_at = silent_end_of(connection);
    return !may_be_own_abort(connection) || lost_during(failure) == 0;
}

void Correlator::end_silent(Connection& connection) {
    Failure failure;
    failure.endpoint = connection.endpoint;
    failure.first_at = silent_end_of(connection);
    failure.task = last_holder(connection);
    if (connection.destroyed && connection.error_at_destroy == 0) {
        infer_taken_error(failure, connection, connection.destroyed_at, failure.task);
    }
    if (const auto sampled = sampled_since(failure.first_at))
        failure.share_millionths = sampled->share_millionths;
    connection.told = true;
    remember_silent(failure, connection);
    if (awaits_sender(connection)) {
        if (silent_.size() >= config_.failures_max) {
            silent_.front().second.cut_short = true;
            print_first_silent();
            ++early_.of(Table::kSilentEnds);
        }
        silent_.emplace_back(connection.reset->at + kAbortRecordLagNs, std::move(failure));
    } else {
        print(failure);
    }
}

/// An end that nobody held any more is destroyed by the RST itself, before its sender's record comes.
bool Correlator::awaits_sender(const Connection& connection) const {
    if (!config_.resets_sent_seen || !connection.reset || connection.peer_reset) return false;
    if (connections_.find_peer(connection.endpoint) == nullptr) return false;
    return connection.destroyed && now_ < connection.reset->at + kAbortRecordLagNs;
}

void Correlator::print_silent(Ktime now) {
    while (!silent_.empty() && silent_.front().first <= now) print_first_silent();
}

void Correlator::print_first_silent() {
    Failure failure = std::move(silent_.front().second);
    silent_.pop_front();
    print(failure);
}

/// The root of a chain comes first: what brought a failure about is told before it. Each is older than
/// the one that it led to, so there is an end.
void Correlator::print(Failure& failure) {
    std::vector<Failure*> untold{&failure};
    while (Failure* cause = find_cause(*untold.back())) untold.push_back(cause);
    for (auto told = untold.rbegin(); told != untold.rend(); ++told) print_alone(**told);
}

/// Whether load was shed at any time since.
std::optional<Sampled> Correlator::sampled_since(Ktime first_at) const {
    if (!is_sampling_ && !(sampled_until_.known() && first_at <= sampled_until_)) return std::nullopt;
    return Sampled{sampling_.share_millionths, sampling_.counted_only};
}

void Correlator::print_alone(Failure& failure) {
    Incident incident = tell(story_of(failure));
    incident.id = id_of(failure.first_at, failure.endpoint, failure.task.process);
    if (!failure.caused_by.empty()) incident.caused_by = failure.caused_by;
    incident.facts.cause_process = failure.cause_process;
    incident.facts.by_child = failure.by_child;
    if (failure.share_millionths != 0)
        incident.sampled = Sampled{failure.share_millionths, sampling_.counted_only};
    incident.is_final = failure.over;
    incident.revision = failure.printed ? ++failure.revision : 0;
    mark_told(failure.told_errors, incident.errors);
    if (!failure.over) remember_told(incident.errors, failure.told_errors);
    failure.printed = true;
    failure.changed = false;
    sink_(std::move(incident));
}

void Correlator::print_if_news(Failure& failure) {
    if (!failure.printed || failure.changed) print(failure);
}

/// What is seen of it from now on is another failure.
void Correlator::close(const FailureKey& key) {
    Failure& failure = *failures_.find(key);
    failure.over = true;
    print_if_news(failure);
    failures_.erase(key);
}

std::vector<FailureKey> Correlator::told_without_end() const {
    std::vector<FailureKey> keys;
    failures_.for_each([&](const FailureKey& key, const Failure& failure) {
        if (failure.printed && !failure.exited && failure.endpoint.kind != EndpointKind::kTcp)
            keys.push_back(key);
    });
    return keys;
}

void Correlator::let_go(const FailureKey& key) {
    const Failure* failure = failures_.find(key);
    if (failure == nullptr) return;
    const Endpoint endpoint = failure->endpoint;
    close(key);
    forget_other_end(endpoint, now_ - kExitGraceNs);
}

void Correlator::print_due(Ktime now) {
    while (!opened_.empty() && opened_.front().first + config_.print_after_ns <= now) {
        Failure* failure = failures_.find(opened_.front().second);
        const bool is_it = failure != nullptr && failure->first_at == opened_.front().first;
        if (is_it && !failure->printed) print(*failure);
        opened_.pop_front();
    }
}

void Correlator::close_exited(Ktime now) {
    while (!exited_.empty()) {
        const bool is_over = exited_.front().first + kExitGraceNs <= now;
        if (!is_over && exited_.size() <= 2 * config_.failures_max) break;
        const FailureKey key = exited_.front().second;
        exited_.pop_front();
        Failure* failure = failures_.find(key);
        if (failure == nullptr || !failure->exited) continue;
        if (!is_over) {
            failure->cut_short |= !failure->printed;
            ++early_.of(Table::kFailures);
        }
        const Endpoint endpoint = failure->endpoint;
        const Ktime exited_at = failure->exited_at;
        close(key);
        forget_other_end(endpoint, exited_at);
    }
}

/// A pipe's end is not seen: what is known of its other end goes with the last failure there. With another's
/// it is told again.
void Correlator::forget_other_end(const Endpoint& endpoint, Ktime exited_at) {
    if (endpoint.kind == EndpointKind::kTcp || !failures_.of_endpoint(endpoint.id).empty()) return;
    const KnownEnds* ends = known_ends_.find(endpoint.id);
    if (ends != nullptr && ends->seen_at <= exited_at) known_ends_.erase(endpoint.id);
}

void Correlator::forget_old(Ktime now) {
    settle_received(now);  // before their ends are forgotten
    sent_resets_.forget_old(now);
    advance_origins(now);
    forget_endpoints(both_destroyed_, kHoldBothNs, now);
    forget_endpoints(destroyed_, kHoldNs, now);
}

void Correlator::forget_endpoints(EndedEndpoints& ended, std::uint64_t hold_ns, Ktime now) {
    while (!ended.empty()) {
        const bool is_over = ended.front().first + hold_ns <= now;
        if (!is_over && ended.size() <= 2 * config_.endpoints_max) break;
        const std::uint64_t id = ended.front().second;
        ended.pop_front();
        Connection* connection = connections_.find(id);
        if (connection == nullptr) continue;
        // Part of a story that is still open at the other end, whose end will come by here again.
        const Connection* peer = connections_.find_peer(connection->endpoint);
        if (peer != nullptr && !peer->destroyed && (peer->told || peer->reset)) continue;
        if (!is_over) {
            ++early_.of(Table::kConnections);
            note_forgotten(connection->endpoint, now);
        }
        count_doubtful_reset(*connection);
        connections_.erase(id);
    }
}

Evictions Correlator::evictions() const {
    Evictions evictions = early_;
    evictions.of(Table::kConnections) += connections_.evicted();
    evictions.of(Table::kDeliveries) += failures_.evicted();
    evictions.of(Table::kSentResets) += sent_resets_.evicted();
    evictions.of(Table::kOtherEnds) += known_ends_.evicted();
    evictions.of(Table::kOrigins) += origins_.evicted();
    evictions.of(Table::kHistory) += history_.evicted();
    return evictions;
}

std::size_t Correlator::entries() const {
    return reorder_.size() + connections_.size() + failures_.size() + failures_.awaited() + history_.size() +
           sent_resets_.size() + known_ends_.size() + origins_.size() + silent_.size() + opened_.size() +
           exited_.size() + destroyed_.size() + both_destroyed_.size() + senders_awaited_.size();
}

void Correlator::finish() {
    while (const Event* event = reorder_.pop(Ktime{UINT64_MAX})) process(*event);
    for (const FailureKey& key : failures_.by_age()) print_if_news(*failures_.find(key));
    failures_.clear();
    std::vector<std::pair<Ktime, std::uint64_t>> silent;
    connections_.for_each([&](Connection& connection) {
        count_doubtful_reset(connection);
        if (is_silent_story(connection))
            silent.emplace_back(silent_end_of(connection), connection.endpoint.id);
    });
    // What one brought about at another end is younger.
    std::sort(silent.begin(), silent.end());
    for (const auto& [at, id] : silent) end_silent(*connections_.find(id));
    print_silent(Ktime{UINT64_MAX});
    settle_received(Ktime{UINT64_MAX});
    origins_.forget_all();
}

}  // namespace pipetrace
