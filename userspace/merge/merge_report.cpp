#include "merge/merge_report.h"

#include <fmt/format.h>

namespace pipetrace {
namespace {

/// After "12 victims" or "1 victim", where it is not joined.
const char* reason_of(EndFate fate) {
    switch (fate) {
        case EndFate::kAddressNotSeen:
            return "met a RST from an address that no other recording has: of a host that was not recorded, "
                   "or behind "
                   "address translation";
        case EndFate::kNoResetSeen:
            return "met a RST that the host with that address is not known to have sent: it was not "
                   "recording then, or "
                   "does not show it, or something between the two translated or sent it";
        case EndFate::kTranslated:
            return "met a RST with the very number of one that another host sent to, or from, another "
                   "address: address "
                   "translation lies between, and what is behind it is not joined";
        case EndFate::kManyAlike: return "met a RST that several could be";
        case EndFate::kTimeUnlike:
            return "met a RST whose likeness on the other host does not fit the clocks";
        case EndFate::kNotProven:
            return "met a RST that nothing but its addresses, which recur, ties to the other host's";
        case EndFate::kNoRoom: return "met a RST, and were too many to be looked at";
        case EndFate::kJoined: break;
    }
    return "";
}

std::string victims(std::uint64_t count) {
    return fmt::format("{} {}", count, count == 1 ? "victim" : "victims");
}

}  // namespace

std::vector<std::string> MergeReport::sentences() const {
    std::vector<std::string> all;
    const std::string unsurely = unsure > 0 ? fmt::format(" ({} of them likely, not proven)", unsure) : "";
    all.push_back(
        fmt::format("{} of {} hosts joined with the other end{}", victims(joined()), host_count, unsurely));
    for (std::size_t i = 0; i < kEndFateCount; ++i) {
        const std::string reason = reason_of(static_cast<EndFate>(i));
        if (receivers[i] > 0 && !reason.empty()) all.push_back(victims(receivers[i]) + " " + reason);
    }
    all.insert(all.end(), clocks.begin(), clocks.end());
    return all;
}

}  // namespace pipetrace
