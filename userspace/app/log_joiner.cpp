#include "app/log_joiner.h"

#include "source/host_reader.h"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace pipetrace {
namespace {

/// In a storm those that have waited longest go on early, with the lines that are there.
constexpr std::size_t kHeldMax = 2048;
/// Whose revisions bear the lines of the first telling; beyond it they have none.
constexpr std::size_t kToldMax = 1024;
/// At the end of a trace, for lines that are still on their way through another process.
constexpr std::uint64_t kLastWaitNs = 200'000'000;

}  // namespace

LogJoiner::LogJoiner(IncidentSink& next, LogFollower& logs, std::function<void(const Error&)> tell)
    : next_(next),
      logs_(logs),
      from_logs_{[this](LogLine&& line) { tail_.add(std::move(line)); },
                 [this](std::uint64_t bytes) { tail_.skip(read_ktime(), bytes); }, std::move(tell)} {}

void LogJoiner::look() {
    logs_.look(from_logs_);
    tail_.forget_before(read_ktime() - kLogKeptNs);
}

void LogJoiner::take(const Incident& incident, const BurstStory* burst, Ktime now) {
    held_.push_back(
        {incident, burst != nullptr ? std::optional(*burst) : std::nullopt, incident.at + kLogAfterNs});
    if (incident.revision == 0) ++first_held_;
    if (held_.size() > kHeldMax) release_first(now);
}

/// In the order they came in: each after what brought it about.
void LogJoiner::release_first(Ktime now) {
    Held first = std::move(held_.front());
    held_.pop_front();
    if (first.incident.revision == 0) --first_held_;
    first.incident.log = log_of(first.incident);
    next_.take(first.incident, first.burst ? &*first.burst : nullptr, now);
}

/// A revision tells what came of it later: its lines are those of the failure.
JoinedLog LogJoiner::log_of(const Incident& incident) {
    if (incident.revision > 0) {
        const auto told = told_.find(incident.id);
        if (told != told_.end()) return told->second;
        JoinedLog forgotten;
        forgotten.is_known = false;
        return forgotten;
    }
    JoinedLog log = tail_.join(incident);
    if (incident.is_final) return log;
    if (told_by_age_.size() >= kToldMax) {
        told_.erase(told_by_age_.front());
        told_by_age_.pop_front();
    }
    if (told_.emplace(incident.id, log).second) told_by_age_.push_back(incident.id);
    return log;
}

void LogJoiner::advance_to(Ktime now) {
    if (!held_.empty() && held_.front().due <= now) {
        look();
        while (!held_.empty() && held_.front().due <= now) release_first(now);
    }
    next_.advance_to(now);
}

void LogJoiner::wait_for_the_last() {
    const Ktime began = read_ktime();
    const Ktime until = std::min(began + kLastWaitNs, held_.back().due);
    for (Ktime now = began; now < until; now = read_ktime()) {
        pollfd logs{logs_.fd(), POLLIN, 0};
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(std::chrono::nanoseconds(until.ns - now.ns));
        logs_.note_sleep();
        ::poll(&logs, 1, static_cast<int>(std::min(left, logs_.pause()).count()));
        look();
    }
}

void LogJoiner::finish() {
    if (!held_.empty()) wait_for_the_last();
    logs_.finish(from_logs_);
    while (!held_.empty()) release_first(read_ktime());
    next_.finish();
}

}  // namespace pipetrace
