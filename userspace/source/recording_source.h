// The records of a recorded trace as an event source, with a clock that goes with them.
#pragma once

#include "model/trace_context.h"
#include "source/event_source.h"
#include "store/recording_reader.h"

#include <cstdint>
#include <map>
#include <string>

namespace pipetrace {

class RecordingSource final : public EventSource {
public:
    /// `reader` and `trace` must outlive it.
    RecordingSource(const RecordingReader& reader, const TraceContext& trace, SegmentRange range)
        : trace_(trace), cursor_(reader, range) {}

    /// Makes the next segment ready for drain(); false: there is none left.
    Result<bool> advance();
    /// When the last record of that segment was made.
    Ktime now() const { return segment_.last; }
    /// How the host's clocks related then.
    const ClockOffsets& clocks() const { return segment_.clocks; }
    std::uint64_t records_read() const { return records_read_; }

    std::size_t drain(const RecordSink& sink) override;
    bool wait(std::chrono::milliseconds, std::span<pollfd>) override { return false; }
    std::map<std::string, std::uint64_t> losses() const override { return segment_.losses; }
    const HookReport& hook_report() const override { return trace_.hooks; }
    std::uint32_t ticks_per_second() const override { return trace_.ticks_per_second; }
    bool ended() const override { return ended_; }

    /// What was wrong with the segment last drained.
    const Status& damage() const { return damage_; }

private:
    const TraceContext& trace_;
    SegmentCursor cursor_;
    Segment segment_;
    Status damage_ = Done{};
    std::uint64_t records_read_ = 0;
    bool is_ready_ = false;
    bool ended_ = false;
};

}  // namespace pipetrace
