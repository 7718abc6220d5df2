// Between the pipeline and the printer, where logs are followed: holds each incident for the second that its
// program takes to log what it met, then sends it on with the lines that came around it.
#pragma once

#include "app/incident_sink.h"
#include "correlate/log_tail.h"
#include "source/log_follower.h"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>

namespace pipetrace {

class LogJoiner final : public IncidentSink {
public:
    /// `next` takes the incidents and `tell` what troubles the logs. All must outlive it.
    LogJoiner(IncidentSink& next, LogFollower& logs, std::function<void(const Error&)> tell);

    /// Reads what has been logged; often, so that the lines' times are theirs.
    void look();

    void take(const Incident& incident, const BurstStory* burst, Ktime now) override;
    void advance_to(Ktime now) override;
    /// Waits a moment longer for what is held.
    void finish() override;
    /// Those that are held will be.
    std::uint64_t kept() const override { return next_.kept() + first_held_; }
    LossCounts losses() const override { return next_.losses(); }
    bool is_holding() const override { return !held_.empty() || next_.is_holding(); }
    bool stopped() const override { return next_.stopped(); }

private:
    struct Held {
        Incident incident;
        std::optional<BurstStory> burst;
        Ktime due;
    };

    void release_first(Ktime now);
    JoinedLog log_of(const Incident& incident);
    void wait_for_the_last();

    IncidentSink& next_;
    LogFollower& logs_;
    LogFollower::Sink from_logs_;
    LogTail tail_;
    std::deque<Held> held_;
    std::uint64_t first_held_ = 0;           ///< that are no revisions
    std::map<std::string, JoinedLog> told_;  ///< by incident, for its revisions
    std::deque<std::string> told_by_age_;
};

}  // namespace pipetrace
