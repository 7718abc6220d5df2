#include "correlate/log_tail.h"

#include <algorithm>
#include <compare>
#include <iterator>
#include <string_view>
#include <utility>
#include <vector>

namespace pipetrace {
namespace {

constexpr std::size_t kLinesKeptMax = 32768;
/// Of a flood, all that was passed over within it is one entry.
constexpr std::uint64_t kSkippedTogetherNs = 10'000'000;

std::size_t bytes_of(const LogLine& line) { return line.text.size() + line.file.size() + sizeof(line); }

std::uint64_t distance(Ktime a, Ktime b) { return a > b ? a.ns - b.ns : b.ns - a.ns; }

/// What programs call such failures, by strerror() or in words of their own.
constexpr std::string_view kNames[] = {"broken pipe", "reset",     "epipe",   "econn",      "sigpipe",
                                       "refused",     "timed out", "aborted", "disconnect", "closed"};

bool contains(std::string_view text, std::string_view lower_case) {
    const auto same = [](char a, char b) {
        return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
    };
    return std::search(text.begin(), text.end(), lower_case.begin(), lower_case.end(), same) != text.end();
}

}  // namespace

/// A stack trace's frames above all continue a record; they are indented.
LogTail::Rank LogTail::rank_of(const LogLine& line) {
    const std::string_view text = line.text;
    const std::size_t indent = std::min(text.find_first_not_of(" \t"), text.size());
    const auto is_in = [&](std::string_view name) { return contains(text, name); };
    const bool is_frame = indent > 0 && text.substr(indent).starts_with("at ");
    if (!is_frame && std::any_of(std::begin(kNames), std::end(kNames), is_in)) return Rank::kNamesFailure;
    return indent == 0 ? Rank::kRecord : Rank::kContinuation;
}

/// Of those too many; they stay in their order.
void LogTail::leave_the_best(std::vector<Kept*>& lines, Ktime at) {
    struct Place {
        Rank rank;
        std::uint64_t distance;
        std::size_t index;
        auto operator<=>(const Place&) const = default;
    };
    std::vector<Place> places;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        Kept& kept = *lines[i];
        if (!kept.rank) kept.rank = rank_of(kept.line);
        places.push_back({*kept.rank, distance(kept.line.at, at), i});
    }
    const auto continues = [](const Place& place) { return place.rank == Rank::kContinuation; };
    if (!std::all_of(places.begin(), places.end(), continues)) std::erase_if(places, continues);
    if (places.size() > kLogLinesMax) {
        std::nth_element(places.begin(), places.begin() + kLogLinesMax, places.end());
        places.resize(kLogLinesMax);
    }
    std::sort(places.begin(), places.end(), [](const Place& a, const Place& b) { return a.index < b.index; });
    std::vector<Kept*> best;
    for (const Place& place : places) best.push_back(lines[place.index]);
    lines = std::move(best);
}

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
    lines_.push_back({std::move(line), std::nullopt});
    while (lines_.size() > kLinesKeptMax || size_bytes_ > kLogBytesKeptMax) {
        const LogLine& oldest = lines_.front().line;
        skip(oldest.at, oldest.text.size());
        size_bytes_ -= bytes_of(oldest);
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
    while (!lines_.empty() && lines_.front().line.at < at) {
        size_bytes_ -= bytes_of(lines_.front().line);
        lines_.pop_front();
    }
    std::erase_if(skipped_, [at](const Skipped& skipped) { return skipped.at < at; });
}

JoinedLog LogTail::join(const Incident& incident) {
    JoinedLog joined;
    const LogWindow window = log_window(incident);
    joined.is_known = window.begin >= forgotten_;
    if (!joined.is_known) return joined;
    std::vector<Kept*> within;
    for (Kept& kept : lines_) {
        if (kept.line.earliest() <= window.end && kept.line.at >= window.begin) within.push_back(&kept);
    }
    if (within.size() > kLogLinesMax) {
        const std::size_t all = within.size();
        leave_the_best(within, incident.at);
        joined.left_out = all - within.size();
    }
    for (const Kept* kept : within) joined.lines.push_back(kept->line);
    for (const Skipped& skipped : skipped_) {
        if (skipped.at >= window.begin && skipped.at <= window.end) joined.skipped_bytes += skipped.bytes;
    }
    return joined;
}

}  // namespace pipetrace
