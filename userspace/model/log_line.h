// Lines of a program's own log, as they stand beside an incident.
#pragma once

#include "model/ktime.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace pipetrace {

/// What a web server writes of one request; a stack trace has a line a frame.
inline constexpr std::size_t kLogLineBytesMax = 1024;

/// The time is when the line was seen to arrive, never what the line says of itself: some milliseconds after
/// it was written where `late_ns` is 0; else the follower was behind, and it was written up to so much
/// earlier.
struct LogLine {
    std::string file;  ///< as the user named it
    Ktime at;
    std::uint64_t late_ns = 0;
    std::string text;     ///< bytes, without the line's end
    bool is_cut = false;  ///< it goes on

    Ktime earliest() const { return at - late_ns; }
};

/// What a program logged around its failure.
struct JoinedLog {
    bool is_known = true;             ///< false: it is told too long after it happened, they were not kept
    std::vector<LogLine> lines;       ///< by time; of one time, in the order they stand in the file
    std::uint64_t left_out = 0;       ///< lines that came as well, further from the failure
    std::uint64_t skipped_bytes = 0;  ///< of logs that grew faster than they are read, or that were not kept
};

}  // namespace pipetrace
