// What came of joining several hosts' recordings: how many incidents gained their other end, what could not
// be joined and why, and how far the clocks were apart.
#pragma once

#include "merge/reset_end.h"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace pipetrace {

struct MergeReport {
    std::uint32_t host_count = 0;
    std::array<std::uint64_t, kEndFateCount>
        receivers{};                   ///< incidents that met a RST of an unseen peer, by fate
    std::uint64_t unsure = 0;          ///< of those joined
    std::uint64_t told_elsewhere = 0;  ///< origins that are the receiver's story and no other
    std::vector<std::string> clocks;   ///< a sentence a pair of hosts

    std::uint64_t joined() const { return receivers[static_cast<std::size_t>(EndFate::kJoined)]; }
    /// Sentences for people, most important first.
    std::vector<std::string> sentences() const;
};

}  // namespace pipetrace
