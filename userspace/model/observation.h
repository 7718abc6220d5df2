// What this kernel lets pipetrace see, as `doctor` prints it, and what a trace has seen, as the
// summary prints it.
#pragma once

#include "model/burst.h"
#include "model/evictions.h"
#include "model/loss_counts.h"
#include "model/options.h"
#include "model/reset_tally.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pipetrace {

/// One thing worth seeing ("RST received") and the hook that sees it here.
struct ObservationStatus {
    std::string observation;  ///< "rst_received"
    std::string title;        ///< "RST received"
    std::string hook;         ///< "fentry tcp_reset"; empty: nothing here can see it
    std::string lost;         ///< what this hook, or none, does not show; empty: nothing
    std::string why;          ///< why no better hook is in use; empty with `lost` empty
    bool complete() const { return lost.empty(); }
};

/// How `why` begins where the user asked for it; the observation whose programs these are follows.
inline constexpr std::string_view kLeftOut = "left out by --without ";

struct HookReport {
    Mode mode = Mode::kTracepoint;
    std::string kernel;
    std::vector<ObservationStatus> observations;
    std::size_t hook_count = 0;  ///< programs attached

    std::size_t missing_count() const {
        std::size_t missing = 0;
        for (const auto& status : observations) missing += status.complete() ? 0 : 1;
        return missing;
    }
    /// Less is seen than the kernel shows.
    bool is_any_left_out() const {
        return std::any_of(observations.begin(), observations.end(),
                           [](const auto& status) { return status.why.starts_with(kLeftOut); });
    }
};

/// The buffer between the kernel's programs and us.
struct RingUse {
    std::uint64_t size_bytes = 0;
    std::uint64_t used_bytes = 0;  ///< the most that waited at once since this was last asked
};

/// A table of the kernel's programs, as it was when last read.
struct TableUse {
    std::string name;  ///< the map's
    std::uint64_t entries = 0;
    std::uint64_t size = 0;  ///< as many fit
};

struct TraceSummary {
    std::uint64_t incidents = 0;
    std::uint64_t counted_only = 0;  ///< beyond them: incidents that were not told, for load was shed
    std::uint64_t resets_received = 0;
    std::uint64_t resets_sent = 0;
    /// The same by reason. Whose sender is seen a moment later is counted once it can have been.
    ResetTally received_by_reason;
    ResetTally sent_by_reason;
    std::uint64_t events = 0;
    LossCounts lost_by_kind;
    std::uint64_t endpoints_older_than_trace = 0;
    std::uint64_t burst_count = 0;
    std::vector<BurstStory> bursts;  ///< the largest
    Evictions evicted;
};

}  // namespace pipetrace
