// The last few seconds of the logs that are followed, and which of their lines fall within an incident. Pure:
// lines and times come in.
//
// An incident's window: from shortly before the first event of its failure until shortly after the last. What
// its timeline tells of long before (the connection's start, a FIN that lay unread for hours) is not of the
// failure.
#pragma once

#include "model/incident.h"
#include "model/log_line.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

namespace pipetrace {

/// Lines shown with an incident: a page of a terminal with its timeline.
inline constexpr std::size_t kLogLinesMax = 20;
/// Events this much earlier than the incident's time are still of the failure: a program that looks at its
/// connections once a second meets the reset then.
inline constexpr std::uint64_t kLogReachNs = 2'000'000'000;
/// A program logs what it is about to do: a time-out, a client that is thrown out.
inline constexpr std::uint64_t kLogBeforeNs = 500'000'000;
/// And what it met, once that has made its way through its layers. The contract prints by then.
inline constexpr std::uint64_t kLogAfterNs = 1'000'000'000;
/// Lines are kept for the longest window, with a second for the incident to be told in.
inline constexpr std::uint64_t kLogKeptNs = kLogReachNs + kLogBeforeNs + 2 * kLogAfterNs;

/// Of a busy log the whole window, at ten thousand lines a second and more; of a flood the latest.
inline constexpr std::size_t kLogBytesKeptMax = 8U << 20;

struct LogWindow {
    Ktime begin;
    Ktime end;
};
LogWindow log_window(const Incident& incident);

class LogTail {
public:
    /// In the order they are seen. What is beyond the bounds makes the oldest go, and is counted.
    void add(LogLine line);
    /// So much was passed over.
    void skip(Ktime at, std::uint64_t bytes);
    void forget_before(Ktime at);

    /// The lines within its window. If there are too many, first those that name a failure of this sort, the
    /// nearest to its time first; no frames of a stack trace then.
    JoinedLog join(const Incident& incident);

    std::size_t size_bytes() const { return size_bytes_; }

private:
    /// Which lines go first where there are too many: those that name such a failure, then those that begin a
    /// record. What continues one is then left out.
    enum class Rank : std::uint8_t { kNamesFailure, kRecord, kContinuation };
    struct Kept {
        LogLine line;
        std::optional<Rank> rank;  ///< found out once: in a storm each line is asked for by many incidents
    };
    static Rank rank_of(const LogLine& line);
    static void leave_the_best(std::vector<Kept*>& lines, Ktime at);

    struct Skipped {
        Ktime at;
        std::uint64_t bytes = 0;
    };

    std::deque<Kept> lines_;
    std::deque<Skipped> skipped_;
    std::size_t size_bytes_ = 0;
    Ktime forgotten_;
};

}  // namespace pipetrace
