// A host on which many failures happen at once: stories of the scenarios, each with its own sockets, pipes
// and processes, woven into one trace; numbers of those that have ended are given out again.
#pragma once

#include "scenario.h"
#include "seeds.h"

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace pipetrace::testing {

/// One story at its place in the trace.
struct PlacedStory {
    std::string name;
    Ktime begin;
    std::vector<Event> events;
    std::vector<Told> truth;  ///< what is told of it where it plays alone and nothing is lost

    std::set<std::uint64_t> endpoints() const;
    std::set<Tgid> processes() const;
};

struct World {
    Hooks hooks;
    Ktime begin;
    std::vector<PlacedStory> stories;
};

/// Stories at random, with all ids taken anew or from what had ended.
World random_world(Random& random, std::size_t stories);
/// Each scenario alone, with all its ids as told.
std::vector<World> single_worlds();

/// All events of all stories, at their times.
std::vector<Arrival> in_order(const World& world);
/// Each as late as the bound allows, or less.
std::vector<Arrival> shuffled(std::vector<Arrival> arrivals, Random& random);
std::vector<Told> play(const World& world, const std::vector<Arrival>& arrivals);

/// Endpoints that an event speaks of.
std::vector<const Endpoint*> endpoints_of(const Event& event);

}  // namespace pipetrace::testing
