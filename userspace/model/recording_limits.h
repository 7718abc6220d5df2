// How large and how old a recording may become: what is oldest goes first.
#pragma once

#include <cstdint>

namespace pipetrace {

struct RecordingLimits {
    static constexpr std::uint64_t kSizeBytesMin = 4U << 20;

    std::uint64_t size_bytes_max = std::uint64_t{1} << 30;  ///< the file, its WAL and the WAL's index
    std::uint64_t age_seconds_max = 7 * 24 * 3600;

    bool operator==(const RecordingLimits&) const = default;
};

}  // namespace pipetrace
