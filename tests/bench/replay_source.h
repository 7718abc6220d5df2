// A source of a storm's records, with a clock that goes as fast as the storm: the same at every run.
#pragma once

#include "source/event_source.h"
#include "storm_records.h"

namespace pipetrace::testing {

class ReplaySource final : public EventSource {
public:
    ReplaySource();

    /// Makes the records of that many incidents, which come one after another at the storm's rate;
    /// the next drain() hands them over, and the time is that of the last.
    void prepare(std::size_t incidents);

    Ktime now() const { return now_; }
    const StormRecords& records() const { return records_; }

    std::size_t drain(const RecordSink& sink) override;
    bool wait(std::chrono::milliseconds, std::span<pollfd>) override { return false; }
    std::map<std::string, std::uint64_t> losses() const override { return {}; }
    const HookReport& hook_report() const override { return report_; }
    std::uint32_t ticks_per_second() const override { return 250; }

private:
    StormRecords records_;
    HookReport report_;
    Ktime now_{1'000'000'000'000};
};

}  // namespace pipetrace::testing
