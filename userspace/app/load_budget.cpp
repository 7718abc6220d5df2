#include "app/load_budget.h"

#include <algorithm>

namespace pipetrace {
namespace {

/// Some stories are told in any storm.
constexpr double kShareMin = 1.0 / 4096;
/// Of what may be used: below, more is told again. The gap between keeps it from swinging.
constexpr double kRoomBelow = 0.75;
constexpr double kRiseMax = 1.25;
constexpr double kFallMax = 1.0 / 8;
/// What was used too much is saved again within about a second.
constexpr double kRepaidPerSecond = 0.5;
/// What a story takes, in seconds: it is told when it is over, and would be counted too late then.
constexpr double kTellSeconds = 20e-6;

}  // namespace

double LoadBudget::next_share(const Window& window) {
    const double spent =
        std::max(0.0, window.processor_seconds + static_cast<double>(window.stories_begun) * kTellSeconds);
    const double used = spent / window.seconds;
    saved_ += settings_.cores * window.seconds - spent;
    saved_ = std::clamp(saved_, -settings_.saved_seconds, settings_.saved_seconds);
    const bool is_busy =
        static_cast<double>(window.events) >= static_cast<double>(settings_.events_min) * window.seconds;
    if (share_ >= 1 && (saved_ > 0 || !is_busy)) return share_;
    const double repaid = std::min(0.0, saved_ * kRepaidPerSecond);
    const double goal = std::max(settings_.cores + repaid, settings_.cores / 2);
    if (used > goal && is_busy) {
        share_ *= std::max(goal / used, kFallMax);
    } else if (used < kRoomBelow * goal || !is_busy) {
        share_ *= used > 0 && is_busy ? std::min(kRiseMax, goal / used) : kRiseMax;
    }
    share_ = std::clamp(share_, kShareMin, 1.0);
    return share_;
}

}  // namespace pipetrace
