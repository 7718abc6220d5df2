// How far the clocks of two hosts are apart, from RSTs that one sent and the other received. Compared are the
// kernels' monotonic clocks, which nobody sets: what moves them against each other is drift, or a suspended
// machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace pipetrace {

/// One RST's bounds of what the first host's clock shows more than the second's, in nanoseconds.
struct ClockSample {
    std::int64_t at = 0;  ///< by the first host's clock
    std::int64_t low = 0;
    std::int64_t high = 0;
    std::int64_t wall_gap = 0;  ///< wall minus ktime of the second host, less the first's
    std::size_t pair = 0;       ///< whose it is; for the caller
    bool fits = false;          ///< set by estimate()

    std::int64_t middle() const { return low + (high - low) / 2; }
};

/// Where the clocks went side by side.
struct ClockStretch {
    std::int64_t first_at = 0;
    std::int64_t last_at = 0;
    std::size_t size = 0;
    std::int64_t offset = 0;
    std::int64_t within = 0;  ///< half of what is left open, drift included
};

class ClockEstimate {
public:
    /// Sorts the samples by time and keeps those that agree; of some that contradict each other without a
    /// majority, none.
    void estimate(std::vector<ClockSample> samples);

    /// At that time of the first host's; empty where nothing is known.
    std::optional<std::int64_t> offset_at(std::int64_t at) const;
    /// How far a pair of that time may be from offset_at().
    std::int64_t tolerance_at(std::int64_t at) const;

    const std::vector<ClockSample>& samples() const { return samples_; }
    const std::vector<ClockStretch>& stretches() const { return stretches_; }
    std::size_t fitting_count() const;

private:
    const ClockSample* nearest(std::int64_t at) const;

    std::vector<ClockSample> samples_;
    std::vector<std::size_t> fitting_;  ///< of them, in the order of time
    std::vector<ClockStretch> stretches_;
};

/// How far two samples so long after each other may differ beyond what their bounds leave open.
std::int64_t drift_allowed(std::int64_t between_ns);

}  // namespace pipetrace
