// What a report sums up of one or more recordings.
#pragma once

#include "model/ktime.h"
#include "model/observation.h"
#include "model/verdict.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace pipetrace {

/// Numbers of incidents by severity.
using SeverityCounts = std::array<std::uint64_t, 3>;
inline std::uint64_t total_of(const SeverityCounts& counts) { return counts[0] + counts[1] + counts[2]; }
inline std::uint64_t count_of(const SeverityCounts& counts, Severity severity) {
    return counts[static_cast<std::size_t>(severity)];
}

/// Incidents that share a cause, a process's name or a peer.
struct IncidentGroup {
    std::string name;
    SeverityCounts by_severity{};
    std::array<std::uint64_t, kCauseCount> by_cause{};
    WallTime last;
    Severity worst = Severity::kBenign;
    WallTime worst_at;     ///< of the latest among the worst
    std::string worst_id;  ///< the same

    /// The most frequent; of several, the first in the contract's order.
    Cause main_cause() const {
        return static_cast<Cause>(std::max_element(by_cause.begin(), by_cause.end()) - by_cause.begin());
    }
};

/// One trace of a recording.
struct PostmortemTrace {
    std::string file;
    std::string host;
    std::string kernel;
    std::string version;  ///< of the pipetrace that recorded
    WallTime started;
    std::optional<WallTime> ended;  ///< none: still running, or killed
    bool redacted = false;
    std::optional<std::uint64_t> events;  ///< read; not known of one that has not ended in order
};

struct Postmortem {
    std::vector<PostmortemTrace> traces;
    std::optional<WallTime> first;  ///< incident; none without any
    std::optional<WallTime> last;
    SeverityCounts by_severity{};
    std::vector<IncidentGroup> causes;  ///< those with most faults first
    std::vector<IncidentGroup> processes;
    std::vector<IncidentGroup> peers;
    std::uint64_t processes_unnamed = 0;  ///< incidents of more names than are kept apart
    std::uint64_t peers_unnamed = 0;
    std::int64_t slice_seconds = 60;
    std::map<std::int64_t, SeverityCounts> by_time;  ///< by the slice's number since 1970
    LossCounts lost_by_kind;
    std::uint64_t counted_only = 0;  ///< incidents beyond these, while load was shed
    std::vector<std::string> notes;  ///< whole sentences
};

}  // namespace pipetrace
