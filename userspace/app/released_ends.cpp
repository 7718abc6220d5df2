#include "app/released_ends.h"

#include <algorithm>
#include <cstdint>

namespace pipetrace {
namespace {

/// For what has been counted to be put in order; and for what has failed to be told.
constexpr std::uint64_t kSettleNs = 1'000'000'000;

Endpoint endpoint_of(const FailureKey& key) {
    Endpoint endpoint;
    endpoint.id = key.first;
    return endpoint;
}

}  // namespace

void ReleasedEnds::look(Correlator& correlator, const ProcessLookup& processes, EventSource& source,
                        const RecordSink& sink, Ktime now) {
    if (now < next_time_) return;
    if (!gone_.empty()) {
        for (const FailureKey& key : gone_) correlator.let_go(key);
        gone_.clear();
        return;
    }
    // What was held at the last look is no measure once it has ended.
    next_look_ = std::min(next_look_, std::max(kOpenMin, 2 * correlator.open_failures()));
    if (correlator.open_failures() < next_look_) return;
    const std::size_t held = find(correlator, processes, source, sink, now);
    next_look_ = std::max(kOpenMin, 2 * held);
    next_time_ = now + kSettleNs;
}

/// Says how many are still held, as far as is known.
std::size_t ReleasedEnds::find(Correlator& correlator, const ProcessLookup& processes, EventSource& source,
                               const RecordSink& sink, Ktime now) {
    auto ends = correlator.told_without_end();
    std::sort(ends.begin(), ends.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
    for (auto first = ends.begin(); first != ends.end();) {
        const Tgid tgid = first->second;
        const auto last =
            std::find_if(first, ends.end(), [&](const auto& end) { return end.second != tgid; });
        if (const auto held = processes.open_inodes(tgid)) {
            std::vector<std::uint64_t> ids;
            for (; first != last; ++first) {
                const Endpoint end = endpoint_of(*first);
                if (end.is_fifo() || std::binary_search(held->begin(), held->end(), end.inode())) continue;
                gone_.push_back(*first);
                ids.push_back(first->first);
            }
            source.failure_counts_of(sink, tgid, ids, now);
        }
        first = last;
    }
    return ends.size() - gone_.size();
}

}  // namespace pipetrace
