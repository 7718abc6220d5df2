#include "app/released_ends.h"

#include <algorithm>
#include <cstdint>

namespace pipetrace {
namespace {

/// For what has been counted to be put in order.
constexpr std::uint64_t kSettleNs = 1'000'000'000;

std::uint64_t inode_of(const FailureKey& key) {
    Endpoint endpoint;
    endpoint.id = key.first;
    return endpoint.inode();
}

}  // namespace

void ReleasedEnds::look(Correlator& correlator, const ProcessLookup& processes, EventSource& source,
                        const RecordSink& sink, Ktime now) {
    if (gone_.empty() && correlator.open_failures() >= next_look_) {
        find(correlator, processes, source, sink, now);
        counted_at_ = now;
    } else if (!gone_.empty() && now >= counted_at_ + kSettleNs) {
        for (const FailureKey& key : gone_) correlator.let_go(key);
        gone_.clear();
    } else {
        return;
    }
    // So that a look costs each failure no more than one of its own would.
    next_look_ = std::max(kOpenMin, 2 * correlator.open_failures());
}

void ReleasedEnds::find(Correlator& correlator, const ProcessLookup& processes, EventSource& source,
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
                if (std::binary_search(held->begin(), held->end(), inode_of(*first))) continue;
                gone_.push_back(*first);
                ids.push_back(first->first);
            }
            source.failure_counts_of(sink, tgid, ids, now);
        }
        first = last;
    }
}

}  // namespace pipetrace
