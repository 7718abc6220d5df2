// When events were lost: a total that grew between two looks at it is a gap of that time.
#pragma once

#include "model/ktime.h"

#include <cstddef>
#include <cstdint>
#include <deque>

namespace pipetrace {

class LossLog {
public:
    /// All lost so far. When, is known by the next call of advance_to().
    void set_total(std::uint64_t total) {
        if (total <= total_) return;
        if (gaps_.size() >= kGapsMax) join_oldest();
        gaps_.push_back({Ktime{UINT64_MAX}, total_});
        total_ = total;
    }

    void advance_to(Ktime now) {
        for (auto gap = gaps_.rbegin(); gap != gaps_.rend() && gap->end.ns == UINT64_MAX; ++gap) {
            gap->end = now;
        }
    }

    std::uint64_t total() const { return total_; }

    /// The total when the gaps that reach to `at` or beyond began.
    std::uint64_t total_before(Ktime at) const {
        std::uint64_t before = total_;
        for (auto gap = gaps_.rbegin(); gap != gaps_.rend() && gap->end >= at; ++gap) {
            before = gap->total_before;
        }
        return before;
    }

    /// Lost in the gaps that reach to `at` or beyond; unknown: all.
    std::uint64_t total_since(Ktime at) const { return at.known() ? total_ - total_before(at) : total_; }

private:
    static constexpr std::size_t kGapsMax = 256;

    /// Rather than forget what was lost in them.
    void join_oldest() {
        gaps_[1].total_before = gaps_[0].total_before;
        gaps_.pop_front();
    }

    struct Gap {
        Ktime end;
        std::uint64_t total_before = 0;
    };
    std::deque<Gap> gaps_;
    std::uint64_t total_ = 0;
};

}  // namespace pipetrace
