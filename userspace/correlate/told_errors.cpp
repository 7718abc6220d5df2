#include "correlate/told_errors.h"

#include <algorithm>

namespace pipetrace {

void mark_told(const ErrnoCounts& told, std::vector<CallError>& errors) {
    for (const auto& [error_number, count] : told) {
        std::uint64_t left = count;
        for (CallError& error : errors) {
            if (error.error != error_number) continue;
            error.told_before = std::min(error.count, left);
            left -= error.told_before;
        }
    }
}

void remember_told(const std::vector<CallError>& errors, ErrnoCounts& told) {
    for (const CallError& error : errors) {
        const std::uint64_t fresh = error.count - error.told_before;
        if (fresh == 0) continue;
        const auto found = std::find_if(told.begin(), told.end(),
                                        [&](const auto& entry) { return entry.first == error.error; });
        if (found == told.end()) {
            told.emplace_back(error.error, fresh);
        } else {
            found->second += fresh;
        }
    }
}

}  // namespace pipetrace
