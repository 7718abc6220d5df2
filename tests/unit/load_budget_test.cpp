// The control law against loads that are computed: what an incident takes to count, and what to tell.
#include "app/load_budget.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <vector>

namespace pipetrace {
namespace {

constexpr double kWindow = 0.1;
constexpr double kCountSeconds = 3e-6;
constexpr double kTellSeconds = 20e-6;
constexpr double kEventsPerIncident = 7;

/// One processor's seconds used, and the share told, window by window.
struct Played {
    std::vector<double> used;
    std::vector<double> shares;

    /// The greatest use of any so many seconds.
    double most_in(double seconds) const {
        const auto windows = static_cast<std::size_t>(seconds / kWindow + 0.5);
        double most = 0;
        for (std::size_t i = 0; i + windows <= used.size(); ++i) {
            double sum = 0;
            for (std::size_t j = i; j < i + windows; ++j) sum += used[j];
            most = std::max(most, sum);
        }
        return most;
    }
    double share_at(double seconds) const { return shares.at(static_cast<std::size_t>(seconds / kWindow)); }
};

/// `rate`: incidents a second at that time. `other`: what the process uses besides.
Played play(double seconds, const std::function<double(double)>& rate, double other = 0.002) {
    Played run;
    LoadBudget budget;
    for (double at = 0; at < seconds; at += kWindow) {
        const double incidents = rate(at) * kWindow;
        const double share = budget.share();
        const double used =
            std::min(kWindow, incidents * (kCountSeconds + share * kTellSeconds) + other * kWindow);
        run.used.push_back(used);
        run.shares.push_back(budget.next_share(
            {kWindow, used, static_cast<std::uint64_t>(incidents * kEventsPerIncident), 0}));
    }
    return run;
}

TEST(LoadBudget, ANormalLoadIsToldInFull) {
    const Played normal = play(60, [](double) { return 3'000.0; });
    EXPECT_EQ(*std::min_element(normal.shares.begin(), normal.shares.end()), 1.0);
}

TEST(LoadBudget, AMomentIsNoStorm) {
    const Played moment = play(10, [](double at) { return at >= 5 && at < 5.15 ? 40'000.0 : 200.0; });
    EXPECT_EQ(*std::min_element(moment.shares.begin(), moment.shares.end()), 1.0);
}

TEST(LoadBudget, AStormStaysWithinAQuarterOfAProcessor) {
    for (const double rate : {12'000.0, 25'000.0, 50'000.0}) {
        const Played storm = play(40, [&](double at) { return at >= 5 && at < 25 ? rate : 10.0; });
        EXPECT_LE(storm.most_in(10), 2.5) << rate;
        // One that is little too much uses what was saved for longer.
        EXPECT_LT(storm.share_at(rate > 20'000 ? 6 : 7), 1) << "soon, at " << rate;
        EXPECT_GT(storm.share_at(24), 0) << "some are told";
        EXPECT_EQ(storm.share_at(30), 1) << "five seconds after it, at " << rate;
    }
}

TEST(LoadBudget, ItSettles) {
    const Played storm = play(40, [](double) { return 25'000.0; });
    const auto [low, high] = std::minmax_element(storm.shares.begin() + 200, storm.shares.end());
    EXPECT_GT(*low, *high / 2) << "it does not swing";
    EXPECT_GT(*low * 25'000 * kTellSeconds, 0.04) << "what may be used is used";
}

TEST(LoadBudget, ALoadThatComesAndGoesStaysWithinToo) {
    for (const double period : {0.4, 1.0, 2.0, 5.0}) {
        const Played waves =
            play(60, [&](double at) { return static_cast<int>(at / period) % 2 == 0 ? 45'000.0 : 20.0; });
        EXPECT_LE(waves.most_in(10), 2.5) << period;
    }
    const Played ramp = play(60, [](double at) { return at * 1'000; });
    EXPECT_LE(ramp.most_in(10), 2.5);
}

/// A walk over all processes, a scrape: telling less would not make them cheaper.
TEST(LoadBudget, WhatElseIsDoneIsNoReason) {
    const Played busy = play(
        20, [](double) { return 100.0; }, 0.6);
    EXPECT_EQ(*std::min_element(busy.shares.begin(), busy.shares.end()), 1.0);
}

/// A broken pipe's is told a second after its first error.
TEST(LoadBudget, StoriesThatAreToldLaterCountWhenTheyBegin) {
    constexpr double kRate = 40'000;
    LoadBudget budget;
    double told = 0;
    for (int window = 0; window < 10; ++window) {
        const double incidents = kRate * kWindow;
        const double begun = incidents * budget.share();
        told += begun;
        budget.next_share({kWindow, incidents * kCountSeconds,
                           static_cast<std::uint64_t>(incidents * kEventsPerIncident),
                           static_cast<std::int64_t>(begun)});
    }
    EXPECT_LT(told * kTellSeconds, 0.3) << "what they take, all in the second that follows";
}

}  // namespace
}  // namespace pipetrace
