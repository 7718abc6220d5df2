#include "correlate/known_ends.h"

#include <iterator>

namespace pipetrace {

KnownEnds& KnownEndTable::touch(std::uint64_t id) {
    const auto found = by_id_.find(id);
    if (found != by_id_.end()) return found->second.ends;
    if (by_id_.size() >= ends_max_) {
        const std::uint64_t evicted = oldest_first_.front();
        erase(evicted);
        ++evicted_;
        if (on_evicted_) on_evicted_(evicted);
    }
    oldest_first_.push_back(id);
    return by_id_.emplace(id, Node{{}, std::prev(oldest_first_.end())}).first->second.ends;
}

const KnownEnds* KnownEndTable::find(std::uint64_t id) const {
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? nullptr : &found->second.ends;
}

void KnownEndTable::erase(std::uint64_t id) {
    const auto found = by_id_.find(id);
    if (found == by_id_.end()) return;
    oldest_first_.erase(found->second.age);
    by_id_.erase(found);
}

}  // namespace pipetrace
