// What was lost of the kernel's records, by kind.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace pipetrace {

/// Records lost, by kind; kinds with losses only.
using LossCounts = std::map<std::string, std::uint64_t>;

/// The kind of what a hook's program was not run for; the hook's name follows.
inline constexpr std::string_view kMissedHook = "missed ";

/// Lost of one trace so far.
struct LossTotals {
    std::uint64_t all = 0;
    std::uint64_t of_tcp_alone = 0;  ///< of them, what can have told nothing of a pipe, a unix socket or a signal
};

inline LossTotals loss_totals(const LossCounts& losses) {
    constexpr std::array<std::string_view, 3> kTcpHooks{"inet_", "tcp_", "kfree_skb"};
    LossTotals totals;
    for (const auto& [kind, count] : losses) {
        totals.all += count;
        if (!kind.starts_with(kMissedHook)) continue;
        const auto hook = std::string_view(kind).substr(kMissedHook.size());
        for (const auto begin : kTcpHooks)
            if (hook.starts_with(begin)) totals.of_tcp_alone += count;
    }
    return totals;
}

}  // namespace pipetrace
