// How much each table forgot before its time, because it was full.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string_view>
#include <utility>

namespace pipetrace {

enum class Table : std::uint8_t {
    kConnections,  ///< what is known of one end; who fails there later is told with doubt
    kFailures,     ///< open ones: told as they stand, and their repeats as new
    kDeliveries,   ///< threads whose SIGPIPE was not delivered yet: what became of it is told with doubt
    kSentResets,   ///< before they arrived: who receives one is told with doubt
    kSilentEnds,   ///< RSTs that nobody was told of: told before who sent them was known, with doubt
    kOtherEnds,    ///< of pipes and unix sockets: who fails there is told with doubt
    kOrigins,      ///< RSTs that left: told early, with doubt, or their repeats as new
    kRstReasons,   ///< RSTs received whose sender's record was not waited for: counted as "unknown"
    kHistory,      ///< processes that failed: what they brought about is told without its cause
    kChains,       ///< causes asked for in vain: chains whose root is not named
    kBursts,       ///< what may have been of a burst is told alone
    kOwners,       ///< ends whose owner was looked for: found, and dated later than it was
    kProcesses,    ///< what was read of a process; of one that has gone, little can be read again
    kSampledEnds,  ///< while load is shed, which ends are told: what is told of them is told with doubt
    kCountedEnds,  ///< while load is shed, ends that are only counted: their repeats count as new
    kJournal,      ///< what the journal was told: a later judgement may be missing there
};
inline constexpr std::size_t kTableCount = static_cast<std::size_t>(Table::kJournal) + 1;

/// In snake_case, as a label's value.
constexpr const char* table_name(Table table) {
    constexpr const char* kNames[] = {"connections", "failures",     "deliveries",   "sent_resets",
                                      "silent_ends", "other_ends",   "origins",      "rst_reasons",
                                      "history",     "chains",       "bursts",       "owners",
                                      "processes",   "sampled_ends", "counted_ends", "journal"};
    static_assert(std::size(kNames) == kTableCount);
    return kNames[static_cast<std::size_t>(table)];
}

class Evictions {
public:
    std::uint64_t& of(Table table) { return counts_[static_cast<std::size_t>(table)]; }
    std::uint64_t of(Table table) const { return counts_[static_cast<std::size_t>(table)]; }
    std::uint64_t total() const { return std::accumulate(counts_.begin(), counts_.end(), std::uint64_t{0}); }

    /// Calls `visit` with each table and its count.
    template <typename Visit>
    void for_each(Visit visit) const {
        for (std::size_t i = 0; i < kTableCount; ++i) visit(static_cast<Table>(i), counts_[i]);
    }

private:
    std::array<std::uint64_t, kTableCount> counts_{};
};

}  // namespace pipetrace
