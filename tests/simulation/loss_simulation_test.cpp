// Records are lost, as a full ring loses them: counted, and for good. What is told then is the truth or less.
#include "loss_order.h"
#include "playing.h"
#include "world.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace pipetrace::testing {
namespace {

constexpr std::uint32_t kSeeds = 150;
constexpr std::size_t kStoriesMax = 8;
constexpr std::uint64_t kKnownLateNs = 6'000'000;  ///< a loss is read at the next look at the counters

constexpr std::uint64_t kResetTravelNs = 3'000'000'000;
/// Of failures told before their time for want of room: their repeats are told as new.
constexpr const char* kMoreThanFailures = "more incidents than failures";

struct LossyTrace {
    std::vector<Arrival> arrivals;
    std::vector<const Event*> dropped;
};

/// Without the events of which `loses` says so.
template <typename Loses>
LossyTrace without(const std::vector<Arrival>& arrivals, Loses loses) {
    LossyTrace trace;
    for (const Arrival& arrival : arrivals) {
        Arrival kept = arrival;
        if (loses(*arrival.event)) {
            trace.dropped.push_back(arrival.event);
            kept.event = nullptr;
        }
        kept.lost = trace.dropped.size();
        trace.arrivals.push_back(kept);
    }
    return trace;
}

const PlacedStory* story_of(const World& world, const Told& told) {
    const std::string& id = told.incident.id;
    const std::size_t from = id.find('-', id.find('-') + 1) + 1;
    const std::uint64_t endpoint = std::stoull(id.substr(from), nullptr, 16);
    const PlacedStory* best = nullptr;  // numbers of pipes recur: the last that had begun
    for (const PlacedStory& story : world.stories) {
        const bool begun = story.begin <= told.incident.at;
        if (begun && story.endpoints().contains(endpoint) && (best == nullptr || story.begin > best->begin)) {
            best = &story;
        }
    }
    return best;
}

/// Of the story's own records one was lost before this was told, and not long before what ended the
/// connection, if that was seen: an earlier one has said nothing of it.
bool loss_was_known(const PlacedStory& story, const Told& told, const std::vector<const Event*>& dropped) {
    const Event* first = story.events.data();
    const Ktime since = told.incident.rst ? told.incident.rst->at - kResetTravelNs : Ktime{};
    return std::any_of(dropped.begin(), dropped.end(), [&](const Event* event) {
        return event >= first && event < first + story.events.size() && event->at > since &&
               event->at + kKnownLateNs < told.printed_at;
    });
}

void expect_truth_or_less(const World& world, const std::vector<Told>& printed,
                          const std::vector<const Event*>& dropped, bool are_repeats_new = false) {
    std::map<const PlacedStory*, std::vector<const Told*>> by_story;
    for (const Told& told : printed) {
        // That a RST left is told of its sender, whoever met it.
        if (told.incident.role == Role::kOrigin) continue;
        const PlacedStory* story = story_of(world, told);
        ASSERT_NE(story, nullptr) << told.json.dump(1);
        by_story[story].push_back(&told);
        if (!loss_was_known(*story, told, dropped)) continue;
        EXPECT_NE(told.incident.verdict.confidence, Confidence::kCertain) << story->name << told.json.dump(1);
        EXPECT_GT(told.json["lost"].get<std::uint64_t>(), 0U) << story->name << told.json.dump(1);
    }
    for (const auto& [story, told] : by_story) {
        std::vector<std::string> faults = faults_against(*story, told);
        if (are_repeats_new)
            std::erase_if(faults,
                          [](const std::string& fault) { return fault.ends_with(kMoreThanFailures); });
        EXPECT_EQ(faults, std::vector<std::string>());
    }
}

void expect_truth_or_less(const World& world, const LossyTrace& trace) {
    expect_truth_or_less(world, play(world, trace.arrivals), trace.dropped);
}

std::string said(const Event& event) {
    return "lost at +" + std::to_string(event.at.ns % 1'000'000'000'000) + ", kind " +
           std::to_string(event.body.index());
}

TEST(LossSimulation, AnyOneRecordOfAnyStory) {
    for (const World& world : single_worlds()) {
        const std::vector<Arrival> arrivals = in_order(world);
        for (const Arrival& lost : arrivals) {
            SCOPED_TRACE(world.stories.front().name + ": " + said(*lost.event));
            expect_truth_or_less(world,
                                 without(arrivals, [&](const Event& event) { return &event == lost.event; }));
        }
    }
}

TEST(LossSimulation, AnyTwoRecordsOfAnyStory) {
    constexpr std::size_t kLongest = 25;
    for (const World& world : single_worlds()) {
        const std::vector<Arrival> arrivals = in_order(world);
        if (arrivals.size() > kLongest || world.stories.front().name.ends_with("_ended")) continue;
        for (const Arrival& one : arrivals) {
            for (const Arrival& other : arrivals) {
                if (one.event >= other.event) continue;
                SCOPED_TRACE(world.stories.front().name + ": " + said(*one.event) + ", " +
                             said(*other.event));
                expect_truth_or_less(world, without(arrivals, [&](const Event& event) {
                                         return &event == one.event || &event == other.event;
                                     }));
            }
        }
    }
}

TEST(LossSimulation, AnyPartOfManyStoriesAtOnce) {
    for_each_seed(kSeeds, [](Random& random) {
        const World world = random_world(random, 2 + random.below(kStoriesMax - 1));
        const std::uint64_t of_100 = 1 + random.below(60);
        expect_truth_or_less(
            world, without(in_order(world), [&](const Event&) { return random.below(100) < of_100; }));
    });
}

/// What is forgotten for want of room is as if it were lost, to those whom it concerns.
TEST(LossSimulation, TablesAreTooSmallForTheStories) {
    std::uint64_t forgotten = 0;
    std::uint64_t undoubted = 0;
    for_each_seed(kSeeds, [&](Random& random) {
        const World world = random_world(random, 2 + random.below(2 * kStoriesMax));
        CorrelatorConfig config = config_of(world.hooks);
        const auto few = [&] { return 1 + random.below(random.once_in(2) ? 3 : 100); };
        config.endpoints_max = 1 + few();
        config.failures_max = few();
        config.processes_max = few();
        config.sent_resets_max = few();
        config.origins_max = few();
        config.known_ends_max = few();
        const std::vector<Told> printed = play(config, world.begin, in_order(world));
        expect_truth_or_less(world, printed, {}, true);
        for (const Told& told : printed) ++(told.incident.lost > 0 ? forgotten : undoubted);
    });
    EXPECT_GT(forgotten, kSeeds / 2U);
    EXPECT_GT(undoubted, 5U * kSeeds);
}

}  // namespace
}  // namespace pipetrace::testing
