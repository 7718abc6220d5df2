// Ends that failed and whose owner nobody knows, and since when: a walk over the host's descriptors may find
// who held them all along. Pure. Bounded, and what room was lacking for is counted.
#pragma once

#include "model/event.h"

#include <cstddef>
#include <cstdint>
#include <unordered_map>

namespace pipetrace {

class OwnerSearch {
public:
    explicit OwnerSearch(std::size_t ends_max = 1024) : ends_max_(ends_max) {}

    /// Dates what a walk found to when it was first wanted, and notes what has no owner yet.
    void look_at(Event& event);
    /// An end without an owner has come; asking resets it.
    bool take_wanted();

    std::size_t size() const { return since_.size(); }
    /// Ends forgotten while a walk could still have found their owner, who is dated later then.
    std::uint64_t evicted() const { return evicted_; }

private:
    void make_room(Ktime now);

    std::size_t ends_max_;
    std::unordered_map<std::uint64_t, Ktime> since_;
    bool wanted_ = false;
    std::uint64_t evicted_ = 0;
};

}  // namespace pipetrace
