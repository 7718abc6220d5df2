// Many incidents alike in a short time: one story with a count.
#pragma once

#include "model/endpoint.h"
#include "model/ktime.h"
#include "model/process.h"
#include "model/verdict.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace pipetrace {

/// What the incidents of a burst have in common beyond being alike.
enum class BurstPattern : std::uint8_t {
    kSameIdleAge,  ///< silent for the same time: a timer ends connections of that age
    kOneInstant,   ///< open side by side, and broken at once: one event ended them all
    kNoBytes,      ///< nothing carried, a few ms old: health checks
    kAlike,        ///< nothing more
};
const char* burst_pattern_name(BurstPattern pattern);  ///< "same_idle_age"

/// As an incident names the burst that it belongs to, so far.
struct Burst {
    std::string id;
    std::uint64_t size = 0;
    std::uint64_t window_us = 0;  ///< from the first incident's time to the last one's
    BurstPattern pattern = BurstPattern::kAlike;
};

/// All of one burst, so far. What differs between its incidents is empty.
struct BurstStory {
    Burst burst;
    Ktime first_at;
    Ktime last_at;
    Cause cause = Cause::kUnknown;
    Severity severity = Severity::kBenign;  ///< the gravest one's
    EndpointKind kind = EndpointKind::kTcp;
    std::string comm;
    std::optional<Tgid> tgid;
    std::optional<std::string> remote_host;
    std::optional<std::string> peer_comm;
    std::optional<Tgid> peer_tgid;
    std::optional<int> error;  ///< the first that each was told
    std::optional<std::uint64_t> idle_us_min;  ///< both, or neither
    std::optional<std::uint64_t> idle_us_max;
    std::uint64_t instants_us = 0;       ///< from the first break to the last
    std::vector<std::string> first_ids;  ///< of those that it was recognised by
};

}  // namespace pipetrace
