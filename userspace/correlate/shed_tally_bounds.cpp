// What a tally lets go: by time, and for want of room.
#include "correlate/shed_tally.h"

#include <algorithm>

namespace pipetrace {
namespace {

/// As long as the correlator waits after an exit for the counts of what the process had open.
constexpr std::uint64_t kExitGraceNs = 50'000'000;
/// What is known of an end that has not failed is kept for so long.
constexpr std::uint64_t kIdleNs = 1'000'000'000;

/// Nothing would be counted of it if it ended now.
bool is_idle(const Connection& connection) { return !connection.reset && !connection.error; }

}  // namespace

void ShedTally::close_exited(Ktime now) {
    while (!exited_.empty() && exited_.front().since + kExitGraceNs <= now) {
        const Waiting waiting = exited_.front();
        exited_.pop_front();
        End* end = find(waiting);
        if (end == nullptr) continue;
        for (auto one = end->failures.begin(); one != end->failures.end(); ++one) {
            if (one->failure.task.process.tgid != waiting.key.second || !one->failure.exited) continue;
            count(*end, *one);
            end->failures.erase(one);
            by_process_.erase({waiting.key.second, waiting.key.first});
            break;
        }
        if (end->failures.empty() && end->connection.endpoint.kind != EndpointKind::kTcp)
            erase(waiting.key.first);
    }
}

void ShedTally::count_due(Ktime now) {
    while (!opened_.empty() && opened_.front().since + config_.print_after_ns <= now) {
        const Waiting waiting = opened_.front();
        opened_.pop_front();
        End* end = find(waiting);
        if (end == nullptr) continue;
        for (CountedFailure& failure : end->failures) {
            const bool is_it = failure.failure.task.process.tgid == waiting.key.second;
            if (is_it && !failure.is_counted) count(*end, failure);
        }
    }
}

/// Those of ends and failures that have gone, in a storm by far the most.
void ShedTally::drop_stale(std::deque<Waiting>& line) {
    if (line.size() < 2 * (config_.endpoints_max + config_.failures_max)) return;
    std::erase_if(line, [this](const Waiting& waiting) {
        const End* end = find(waiting);
        if (end == nullptr) return true;
        return waiting.key.second != 0 &&
               std::none_of(end->failures.begin(), end->failures.end(), [&](const CountedFailure& failure) {
                   return failure.failure.task.process.tgid == waiting.key.second &&
                          failure.failure.first_at == waiting.since;
               });
    });
}

/// Ends that have not failed, or whose failures are over: a few, all others having been destroyed by then.
void ShedTally::forget_idle(Ktime now) {
    while (!by_age_.empty() && by_age_.front().since + kIdleNs <= now) {
        const Waiting waiting = by_age_.front();
        by_age_.pop_front();
        End* end = find(waiting);
        if (end == nullptr) continue;
        if (end->failures.empty() && (is_idle(end->connection) || end->connection.told)) {
            erase(waiting.key.first);
        } else {
            by_age_.push_back({now, waiting.key, waiting.number});
        }
    }
    while (!others_by_age_.empty() && find(others_by_age_.front()) == nullptr) others_by_age_.pop_front();
}

/// False where there is no other.
bool ShedTally::evict_oldest(const End* kept) {
    for (std::size_t left = by_age_.size(); left > 0; --left) {
        const Waiting waiting = by_age_.front();
        by_age_.pop_front();
        End* end = find(waiting);
        if (end == nullptr) continue;
        if (end == kept) {
            by_age_.push_back(waiting);
            continue;
        }
        give_up(*end);
        return true;
    }
    return false;
}

void ShedTally::evict_others() {
    while (others_ >= config_.known_ends_max && !others_by_age_.empty()) {
        const Waiting waiting = others_by_age_.front();
        others_by_age_.pop_front();
        if (End* end = find(waiting)) give_up(*end);
    }
}

void ShedTally::give_up(End& end) {
    if (end.failures.empty() && is_silent_end(end.connection)) end_silent(end);
    close_all(end);
    erase(end.connection.endpoint.id);
    ++evicted_;
}

/// For one more failure of this end.
void ShedTally::make_room_beside(End& end) {
    while (by_process_.size() >= config_.failures_max) {
        if (evict_oldest(&end)) continue;
        evicted_ += end.failures.size();
        close_all(end);
        return;
    }
}

void ShedTally::erase(std::uint64_t id) {
    const auto found = ends_.find(id);
    if (found == ends_.end()) return;
    if (found->second.connection.endpoint.kind != EndpointKind::kTcp) --others_;
    ends_.erase(found);
}

}  // namespace pipetrace
