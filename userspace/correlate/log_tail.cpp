#include "correlate/log_tail.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace pipetrace {
namespace {

constexpr std::size_t kLinesKeptMax = 8192;
constexpr std::size_t kBytesKeptMax = 1U << 20;
/// Of a flood, all that was passed over within it is one entry.
constexpr std::uint64_t kSkippedTogetherNs = 10'000'000;

std::size_t bytes_of(const LogLine& line) { return line.text.size() + line.file.size() + sizeof(line); }

std::uint64_t distance(Ktime a, Ktime b) { return a > b ? a.ns - b.ns : b.ns - a.ns; }

}  // namespace

LogWindow log_window(const Incident& incident) {
    Ktime first = incident.at;
    Ktime last = incident.at;
    for (const TimelineEntry& entry : incident.timeline) {
        if (!entry.time_known || entry.at + kLogReachNs < incident.at) continue;
        first = std::min(first, entry.at);
        last = std::max(last, entry.at);
    }
    return {first - kLogBeforeNs, last + kLogAfterNs};
}

void LogTail::add(LogLine line) {
    size_bytes_ += bytes_of(line);
    lines_.push_back(std::move(line));
    while (lines_.size() > kLinesKeptMax || size_bytes_ > kBytesKeptMax) {
        skip(lines_.front().at, lines_.front().text.size());
        size_bytes_ -= bytes_of(lines_.front());
        lines_.pop_front();
    }
}

void LogTail::skip(Ktime at, std::uint64_t bytes) {
    if (!skipped_.empty() && distance(skipped_.back().at, at) < kSkippedTogetherNs) {
        skipped_.back().bytes += bytes;
    } else {
        skipped_.push_back({at, bytes});
    }
}

void LogTail::forget_before(Ktime at) {
    forgotten_ = std::max(forgotten_, at);
    while (!lines_.empty() && lines_.front().at < at) {
        size_bytes_ -= bytes_of(lines_.front());
        lines_.pop_front();
    }
    std::erase_if(skipped_, [at](const Skipped& skipped) { return skipped.at < at; });
}

JoinedLog LogTail::join(const Incident& incident) const {
    JoinedLog joined;
    const LogWindow window = log_window(incident);
    joined.is_known = window.begin >= forgotten_;
    if (!joined.is_known) return joined;
    std::vector<const LogLine*> within;
    for (const LogLine& line : lines_) {
        if (line.earliest() <= window.end && line.at >= window.begin) within.push_back(&line);
    }
    if (within.size() > kLogLinesMax) {
        joined.left_out = within.size() - kLogLinesMax;
        std::stable_sort(within.begin(), within.end(), [&](const LogLine* a, const LogLine* b) {
            return distance(a->at, incident.at) < distance(b->at, incident.at);
        });
        within.resize(kLogLinesMax);
        std::stable_sort(within.begin(), within.end(),
                         [](const LogLine* a, const LogLine* b) { return a->at < b->at; });
    }
    for (const LogLine* line : within) joined.lines.push_back(*line);
    for (const Skipped& skipped : skipped_) {
        if (skipped.at >= window.begin && skipped.at <= window.end) joined.skipped_bytes += skipped.bytes;
    }
    return joined;
}

}  // namespace pipetrace
