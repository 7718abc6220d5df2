// Load is shed in the middle of many failures: what is told is told as if nothing were shed, what is not told
// is counted, and both together are what there was.
#include "correlate/load_shedder.h"
#include "diagnose/chain_table.h"
#include "diagnose/diagnoser.h"
#include "playing.h"
#include "render/json_renderer.h"
#include "world.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace pipetrace::testing {
namespace {

constexpr std::uint32_t kSeeds = 200;
constexpr std::size_t kStoriesMax = 12;
constexpr std::uint64_t kTickNs = 5'000'000;
constexpr std::uint64_t kSecret = 0x5eed;

/// What there was, in numbers; told and counted alike.
struct Counts {
    std::uint64_t incidents = 0;
    std::map<int, std::uint64_t> errors;
    std::map<std::string, std::uint64_t> processes;
    std::map<std::string, std::uint64_t> sigpipes;
    std::uint64_t resets_received = 0;
    std::uint64_t resets_sent = 0;

    bool operator==(const Counts&) const = default;
    friend std::ostream& operator<<(std::ostream& out, const Counts& counts) {
        out << counts.incidents << " incidents; resets: " << counts.resets_received << " received, "
            << counts.resets_sent << " sent;";
        for (const auto& [error, count] : counts.errors) out << " errno " << error << ": " << count;
        for (const auto& [name, count] : counts.processes) out << "; " << name << ": " << count;
        for (const auto& [fate, count] : counts.sigpipes) out << "; sigpipe " << fate << ": " << count;
        return out;
    }
};

struct Shed {
    std::map<std::string, Incident> told;  ///< by id; the last revision
    Counts counts;
    std::uint64_t counted_only = 0;
};

std::string sigpipe_text(const std::optional<SigpipeFate>& fate) {
    return fate ? sigpipe_fate_name(*fate) : "?";
}

/// `choose` is asked for the share before each event.
template <typename Choose>
Shed play_shedding(const World& world, const std::vector<Arrival>& arrivals, Choose choose) {
    Shed shed;
    ChainTable chains;
    Correlator correlator(config_of(world.hooks), [&](Incident&& incident) {
        diagnose(incident);
        chains.join(incident);
        if (incident.role == Role::kVictim) shed.told.insert_or_assign(incident.id, std::move(incident));
    });
    Counts& counts = shed.counts;
    std::map<std::pair<std::uint64_t, ProcessId>, std::string> fates;
    LoadShedder shedder(
        config_of(world.hooks), kSecret,
        [&](CountedIncident&& counted) {
            if (counted.is_new) {
                ++shed.counted_only;
                ++counts.processes[counted.process.comm.value_or("")];
            } else {
                --counts.sigpipes[fates[{counted.endpoint.id, counted.process.identity}]];
            }
            fates[{counted.endpoint.id, counted.process.identity}] = sigpipe_text(counted.sigpipe);
            ++counts.sigpipes[sigpipe_text(counted.sigpipe)];
            for (const auto& error : counted.errors) counts.errors[error.error] += error.count;
        },
        [&](const Task& task) { correlator.note_unexamined(task); });
    Ktime clock = world.begin;
    const auto pass_time = [&](Ktime until) {
        while (clock < until) {
            clock = std::min(clock + kTickNs, until);
            correlator.advance_to(clock);
            shedder.advance_to(clock);
        }
    };
    for (const Arrival& arrival : arrivals) {
        pass_time(arrival.at);
        shedder.set_share(choose());
        if (shedder.passes(*arrival.event)) correlator.observe(*arrival.event);
    }
    pass_time(clock + 4 * kTickNs);
    correlator.finish();
    shedder.finish();
    for (const auto& [id, incident] : shed.told) {
        ++counts.processes[incident.process.comm.value_or("")];
        ++counts.sigpipes[sigpipe_text(incident.sigpipe)];
        for (const CallError& error : incident.errors) counts.errors[error.error] += error.count;
    }
    counts.incidents = shed.told.size() + shed.counted_only;
    EXPECT_EQ(shed.counted_only, shedder.tally().incidents());
    counts.resets_received = correlator.resets_received() + shedder.tally().resets_received();
    counts.resets_sent = correlator.resets_sent() + shedder.tally().resets_sent();
    std::erase_if(counts.sigpipes, [](const auto& entry) { return entry.second == 0; });
    return shed;
}

Shed play_unshed(const World& world, const std::vector<Arrival>& arrivals) {
    return play_shedding(world, arrivals, [] { return 1.0; });
}

/// As JSON, without what a failure that was only counted may have brought about.
std::string alone(const Incident& incident) {
    static const JsonRenderer renderer({"web1", "0f3c", "6.12.0"}, {});
    std::string line;
    renderer.render(incident, line);
    nlohmann::json json = nlohmann::json::parse(line);
    json.erase("caused_by");
    json.erase("verdict");
    return json.dump(1);
}

void expect_told_the_same(const Shed& shed, const Shed& whole) {
    for (const auto& [id, incident] : shed.told) {
        const auto found = whole.told.find(id);
        ASSERT_NE(found, whole.told.end()) << id;
        const Incident& truth = found->second;
        EXPECT_EQ(alone(incident), alone(truth));
        EXPECT_EQ(incident.verdict.cause, truth.verdict.cause) << id;
        EXPECT_EQ(incident.verdict.confidence, truth.verdict.confidence) << id;
        EXPECT_TRUE(!incident.caused_by || incident.caused_by == truth.caused_by) << id;
        const bool same_chain = incident.caused_by == truth.caused_by && incident.root == truth.root;
        EXPECT_TRUE(!same_chain || incident.verdict.summary == truth.verdict.summary) << id;
    }
}

TEST(ShedSimulation, EachStoryCountsAsItIsTold) {
    std::uint64_t incidents = 0;
    for (const World& world : single_worlds()) {
        SCOPED_TRACE(world.stories.front().name);
        const Shed whole = play_unshed(world, in_order(world));
        const Shed shed = play_shedding(world, in_order(world), [] { return 0.0; });
        EXPECT_EQ(shed.told.size(), 0U);
        EXPECT_EQ(shed.counts, whole.counts);
        incidents += whole.counts.incidents;
    }
    EXPECT_GE(incidents, 100U) << "the scenarios' failures";
}

TEST(ShedSimulation, ManyStoriesCountAsTheyAreTold) {
    for_each_seed(kSeeds, [](Random& random) {
        const World world = random_world(random, 2 + random.below(kStoriesMax - 1));
        const Shed whole = play_unshed(world, in_order(world));
        const Shed shed = play_shedding(world, in_order(world), [] { return 0.0; });
        EXPECT_EQ(shed.counts, whole.counts);
    });
}

/// The share goes up and down at any time: no story is told by halves, none is told otherwise.
TEST(ShedSimulation, WhatIsToldIsToldAsIfNothingWereShed) {
    for_each_seed(kSeeds, [](Random& random) {
        const World world = random_world(random, 2 + random.below(kStoriesMax - 1));
        const Shed whole = play_unshed(world, in_order(world));
        double share = 1;
        const auto choose = [&] {
            if (random.once_in(4)) share = static_cast<double>(random.below(5)) / 4;
            return share;
        };
        const Shed shed = play_shedding(world, in_order(world), choose);
        expect_told_the_same(shed, whole);
        EXPECT_EQ(shed.counts, whole.counts);
    });
}

}  // namespace
}  // namespace pipetrace::testing
