// The records of a recorded trace as an event source, with a clock that goes with them. What came by one
// drain while recording comes by one drain again, so that losses stand where they stood.
#pragma once

#include "model/trace_context.h"
#include "source/event_source.h"
#include "store/recording_reader.h"

#include <cstddef>
#include <cstdint>

namespace pipetrace {

class RecordingSource final : public EventSource {
public:
    /// `reader` and `trace` must outlive it. `is_pruned`: its beginning is not there any more, so that what a
    /// story began with may be missing; it counts as lost.
    RecordingSource(const RecordingReader& reader, const TraceContext& trace, SegmentRange range,
                    bool is_pruned)
        : trace_(trace), cursor_(reader, range), is_pruned_(is_pruned) {}

    /// Makes the next records ready for drain(); false: there are none left.
    Result<bool> advance();
    /// When those had been drained.
    Ktime now() const { return now_; }
    /// How the host's clocks related then.
    const ClockOffsets& clocks() const { return clocks_; }
    std::uint64_t records_read() const { return records_read_; }

    std::size_t drain(const RecordSink& sink) override;
    bool wait(std::chrono::milliseconds, std::span<pollfd>) override { return false; }
    LossCounts losses() const override { return losses_; }
    const HookReport& hook_report() const override { return trace_.hooks; }
    std::uint32_t ticks_per_second() const override { return trace_.ticks_per_second; }
    bool ended() const override { return ended_; }

    /// What was wrong with what was drained last.
    const Status& damage() const { return damage_; }

private:
    void take_next();
    LossCounts since_pruned(LossCounts losses);

    const TraceContext& trace_;
    SegmentCursor cursor_;
    bool is_pruned_;
    std::optional<LossCounts> before_;  ///< what was lost before the first record that is left
    Segment next_;
    bool is_ready_ = false;  ///< next_ is to be handed over
    bool ended_ = false;
    Ktime now_;
    ClockOffsets clocks_;
    LossCounts losses_;
    Status damage_ = Done{};
    std::uint64_t records_read_ = 0;
};

}  // namespace pipetrace
