// Many failures at once, in any order of arrival, twice over, with numbers that recur: each is told exactly
// as it is where it happens alone.
#include "world.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace pipetrace::testing {
namespace {

constexpr std::uint32_t kSeeds = 120;
constexpr std::size_t kStoriesMax = 12;

/// By id and revision. A burst is made of those of other stories too.
using Lines = std::map<std::string, std::string>;

void add_lines(Lines& lines, const std::vector<Told>& printed) {
    for (const Told& told : printed) {
        nlohmann::json json = told.json;
        json.erase("burst");
        const std::string key = told.incident.id + "/" + std::to_string(told.incident.revision);
        EXPECT_TRUE(lines.emplace(key, json.dump(1)).second) << key << " is printed twice";
    }
}

Lines lines_of(const std::vector<Told>& printed) {
    Lines lines;
    add_lines(lines, printed);
    return lines;
}

Lines truth_of(const World& world) {
    Lines lines;
    for (const PlacedStory& story : world.stories) add_lines(lines, story.truth);
    return lines;
}

/// Without the RSTs of this host: one end's are counted together for seconds, whoever has its addresses next.
Lines victims_of(Lines lines) {
    std::erase_if(lines, [](const auto& line) { return line.first.find("-rst/") != std::string::npos; });
    return lines;
}

/// From the first line on in which the two differ.
std::string first_difference(const std::string& expected, const std::string& met) {
    constexpr std::size_t kShown = 400;
    const auto at = std::mismatch(expected.begin(), expected.end(), met.begin(), met.end()).first;
    const std::size_t differs = static_cast<std::size_t>(at - expected.begin());
    const std::size_t line = differs == 0 ? 0 : expected.rfind('\n', differs - 1) + 1;
    return "should be\n" + expected.substr(line, kShown) + "\nand is\n" + met.substr(line, kShown);
}

/// Empty where they are the same; else the first difference, not all of it.
std::string difference(const Lines& expected, const Lines& met) {
    for (const auto& [key, line] : expected) {
        const auto found = met.find(key);
        if (found == met.end()) return key + " is missing: " + line;
        if (found->second != line) return key + ' ' + first_difference(line, found->second);
    }
    for (const auto& [key, line] : met) {
        if (!expected.contains(key)) return key + " is one too many: " + line;
    }
    return "";
}

void expect_revisions_in_order(const std::vector<Told>& printed) {
    std::map<std::string, std::uint32_t> next;
    for (const Told& told : printed)
        EXPECT_EQ(told.incident.revision, next[told.incident.id]++) << told.incident.id;
}

std::vector<Arrival> twice(const std::vector<Arrival>& arrivals) {
    std::vector<Arrival> doubled;
    for (const Arrival& arrival : arrivals) doubled.insert(doubled.end(), 2, arrival);
    return doubled;
}

TEST(OrderSimulation, EachStoryIsToldAsIfItWereAlone) {
    for_each_seed(kSeeds, [](Random& random) {
        const World world = random_world(random, 2 + random.below(kStoriesMax - 1));
        const std::vector<Told> printed = play(world, in_order(world));
        EXPECT_EQ(difference(victims_of(truth_of(world)), victims_of(lines_of(printed))), "");
        expect_revisions_in_order(printed);
    });
}

TEST(OrderSimulation, OrderOfArrivalChangesNothing) {
    for_each_seed(kSeeds, [](Random& random) {
        const World world = random_world(random, 2 + random.below(kStoriesMax - 1));
        const Lines expected = lines_of(play(world, in_order(world)));
        const std::vector<Told> printed = play(world, shuffled(in_order(world), random));
        EXPECT_EQ(difference(expected, lines_of(printed)), "");
        expect_revisions_in_order(printed);
    });
}

TEST(OrderSimulation, ARecordThatComesTwiceCountsOnce) {
    for_each_seed(kSeeds, [](Random& random) {
        const World world = random_world(random, 2 + random.below(kStoriesMax - 1));
        const Lines expected = lines_of(play(world, in_order(world)));
        const std::vector<Told> printed = play(world, shuffled(twice(in_order(world)), random));
        EXPECT_EQ(difference(expected, lines_of(printed)), "");
        expect_revisions_in_order(printed);
    });
}

}  // namespace
}  // namespace pipetrace::testing
