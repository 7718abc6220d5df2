// How many RSTs there were, by the reason that their sender's kernel gave.
#pragma once

#include "model/reset_reason.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>

namespace pipetrace {

class ResetTally {
public:
    /// One place a reason that has a name, and a last one for those that are not known: the sender was not
    /// seen, its kernel gives none (before 6.12), or one that these releases do not have.
    static constexpr std::size_t kPlaces = kResetReasonCount + 1;
    static const char* name(std::size_t place) {
        const char* known = reset_reason_name(static_cast<int>(place));
        return known != nullptr ? known : "unknown";
    }

    /// `reason`: enum sk_rst_reason.
    void count(std::optional<int> reason) {
        const bool is_known = reason && reset_reason_name(*reason) != nullptr;
        ++counts_[is_known ? static_cast<std::size_t>(*reason) : kResetReasonCount];
    }
    void add(const ResetTally& other) {
        for (std::size_t place = 0; place < kPlaces; ++place) counts_[place] += other.counts_[place];
    }

    std::uint64_t at(std::size_t place) const { return counts_[place]; }
    std::uint64_t total() const { return std::accumulate(counts_.begin(), counts_.end(), std::uint64_t{0}); }

private:
    std::array<std::uint64_t, kPlaces> counts_{};
};

}  // namespace pipetrace
