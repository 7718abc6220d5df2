// How much of what fails may be told, by what the telling costs: own processor time against a budget. Pure: a
// control loop that is handed its measurements.
#pragma once

#include <cstdint>

namespace pipetrace {

class LoadBudget {
public:
    struct Settings {
        double cores = 0.18;          ///< the goal: own processor time a second, in seconds
        double saved_seconds = 0.15;  ///< of processor time not used earlier, that a moment's load may use
        std::uint64_t events_min = 2'000;  ///< a second; below, it is not for them that time is used
    };
    LoadBudget() : LoadBudget(Settings{}) {}
    explicit LoadBudget(Settings settings) : settings_(settings), saved_(settings.saved_seconds) {}

    /// What the last while used, all threads: about a tenth of a second, > 0.
    struct Window {
        double seconds = 0;
        double processor_seconds = 0;
        std::uint64_t events = 0;
        std::int64_t stories_begun =
            0;  ///< that will be told a while later, less those that were begun earlier
    };
    /// The share of connections to tell from now on: 1 is all.
    double next_share(const Window& window);
    double share() const { return share_; }

private:
    Settings settings_;
    double share_ = 1;
    double saved_;
};

}  // namespace pipetrace
