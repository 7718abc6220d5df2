// Incidents for whoever reads `journalctl -t pipetrace`: one entry each, when it is first told; another only
// where a later revision judges otherwise. In a storm the first ones and then a count, so that journald's own
// limit never drops any unsaid.
#pragma once

#include "app/incident_sink.h"
#include "app/outbox.h"
#include "render/journal_entry.h"

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <unordered_map>

namespace pipetrace {

class JournalSink final : public IncidentSink {
public:
    JournalSink(const ClockOffsets& clocks, std::function<void(const Error&)> tell);

    void take(const Incident& incident, const BurstStory* burst, Ktime now) override;
    void advance_to(Ktime now) override;
    void finish() override;
    std::uint64_t kept() const override { return incidents_; }
    LossCounts losses() const override { return outbox_.losses("journal"); }
    void add_evictions(Evictions& evictions) const override { evictions.of(Table::kJournal) += forgotten_; }

private:
    struct Judged {
        Cause cause = Cause::kUnknown;
        Severity severity = Severity::kBenign;

        bool operator==(const Judged&) const = default;
    };
    bool is_to_be_told(const Incident& incident);
    void remember(const Incident& incident, Judged judged);
    void post(JournalEntry&& entry, std::uint64_t incidents);
    void tell_untold();

    ClockOffsets clocks_;
    Outbox outbox_;
    std::unordered_map<std::string, Judged> told_;  ///< of which revisions may follow
    std::deque<std::string> told_by_age_;
    UntoldIncidents untold_;  ///< since the interval began
    std::uint64_t told_in_interval_ = 0;
    Ktime interval_began_;
    Ktime clocks_read_;
    std::uint64_t incidents_ = 0;
    std::uint64_t forgotten_ = 0;  ///< that were not over: a correction would not be told
};

}  // namespace pipetrace
