// Every story once more, in other orders of arrival: within the reorder bound the order must not
// matter, and a record that comes twice must not make a second incident.
#include "scenario.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

namespace pipetrace::testing {
namespace {

constexpr std::uint32_t kSeeds = 200;

/// Each event is as late as the bound allows, or less; the rest of time stands still.
std::vector<Arrival> shuffled(const Story& story, std::uint32_t seed) {
    std::mt19937 random(seed);
    std::uniform_int_distribution<std::uint64_t> delay(0, kReorderNs);
    std::vector<Arrival> arrivals = in_order(story);
    for (Arrival& arrival : arrivals) {
        if (arrival.event != nullptr) arrival.at = arrival.event->at + delay(random);
    }
    std::stable_sort(arrivals.begin(), arrivals.end(),
                     [](const Arrival& a, const Arrival& b) { return a.at < b.at; });
    std::uint64_t lost = 0;
    for (Arrival& arrival : arrivals) arrival.lost = lost = std::max(lost, arrival.lost);
    return arrivals;
}

/// By id and revision: lines of different incidents may change places.
std::map<std::string, std::string> by_revision(const std::vector<Told>& printed) {
    std::map<std::string, std::string> lines;
    for (const Told& told : printed) {
        const std::string key = told.incident.id + "/" + std::to_string(told.incident.revision);
        EXPECT_EQ(lines.count(key), 0U) << key << " printed twice";
        lines[key] = told.json.dump(1);
    }
    return lines;
}

class EveryStory : public ::testing::TestWithParam<Scenario> {};

TEST_P(EveryStory, LeadsToItsCauses) {
    std::vector<std::string> expected;
    for (const Cause cause : GetParam().causes) expected.emplace_back(cause_name(cause));
    std::vector<std::string> met;
    for (const Told& told : play(GetParam().story())) {
        met.emplace_back(cause_name(told.incident.verdict.cause));
    }
    EXPECT_EQ(met, expected);
}

TEST_P(EveryStory, IsTheSameInAnyOrderOfArrival) {
    const Story story = GetParam().story();
    const auto expected = by_revision(play(story));
    for (std::uint32_t seed = 1; seed <= kSeeds; ++seed) {
        ASSERT_EQ(by_revision(play(story, shuffled(story, seed))), expected) << "seed " << seed;
    }
}

TEST_P(EveryStory, IsToldOnceThoughRecordsComeTwice) {
    const Story story = GetParam().story();
    std::vector<Arrival> twice;
    for (const Arrival& arrival : in_order(story)) {
        twice.push_back(arrival);
        if (arrival.event != nullptr) twice.push_back(arrival);
    }
    std::map<std::string, Cause> expected;
    for (const Told& told : play(story)) expected[told.incident.id] = told.incident.verdict.cause;
    std::map<std::string, Cause> met;
    for (const Told& told : play(story, twice)) met[told.incident.id] = told.incident.verdict.cause;
    EXPECT_EQ(met, expected);
}

INSTANTIATE_TEST_SUITE_P(Stories, EveryStory, ::testing::ValuesIn(all_scenarios()),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace pipetrace::testing
