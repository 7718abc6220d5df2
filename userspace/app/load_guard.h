// Keeps `serve` within its share of the processor: measures what the trace costs and sheds load accordingly.
#pragma once

#include "app/load_budget.h"
#include "correlate/load_shedder.h"
#include "model/ktime.h"

#include <cstddef>
#include <cstdint>
#include <optional>

namespace pipetrace {

class LoadGuard {
public:
    LoadGuard(CorrelatorConfig config, ShedTally::Sink sink, ShedTally::Met met,
              ConnectionSampler::OnEvicted on_evicted);

    LoadShedder& shedder() { return shedder_; }
    const LoadShedder& shedder() const { return shedder_; }

    /// Measures, now and then, and sets the share; what is to be told of that, if anything is.
    /// `stories_waiting`: begun, and not told yet.
    std::optional<SamplingChanged> look(Ktime now, std::uint64_t events, std::size_t stories_waiting);
    /// At the trace's end: how much was only counted.
    SamplingChanged state() const;

private:
    LoadShedder shedder_;
    LoadBudget budget_;
    Ktime looked_;
    std::uint64_t used_ns_ = 0;  ///< processor time, as of the last look
    std::uint64_t events_ = 0;   ///< the same
    std::size_t stories_waiting_ = 0;
    Ktime stated_;
};

}  // namespace pipetrace
