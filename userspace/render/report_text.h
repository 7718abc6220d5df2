// What pipetrace says of itself: the readiness line, the live status line, the summary at the
// end, and doctor's table.
#pragma once

#include "model/observation.h"
#include "model/process.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace pipetrace {

/// Whom a trace watches, as the readiness line names it.
struct TraceTarget {
    std::vector<Tgid> tgids;  ///< empty, and no command: the whole system
    bool follow_children = true;
    std::string command;         ///< of `run`: its first word
    std::string recording = {};  ///< of `record` and `serve`: its file
    std::string metrics = {};    ///< of `serve`: where it listens
};

/// One line with its newline; begins "pipetrace: tracing".
std::string readiness_line(const HookReport& report, const TraceTarget& target);

/// One line without newline, at most `width` columns: alive, and what was seen so far.
std::string status_line(const TraceSummary& so_far, std::uint64_t elapsed_seconds, std::size_t width);

/// The end of a trace: incidents, resets, events, losses by kind. One or more lines.
std::string summary_text(const TraceSummary& summary, std::size_t width);

/// `pipetrace doctor`: observation, hook, what is lost and why.
std::string doctor_text(const HookReport& report, std::size_t width, bool colour);

}  // namespace pipetrace
