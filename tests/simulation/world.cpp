#include "world.h"

#include <algorithm>
#include <map>

namespace pipetrace::testing {
namespace {

constexpr std::uint64_t kBeginningsNs = 3'000'000'000;
constexpr std::uint64_t kBetweenNs =
    3'000'000'000;  ///< at most, from one's end to who takes over its numbers
constexpr std::uint64_t kEndingNs = 1'000'000;

/// What a story's numbers become.
struct Numbers {
    std::uint64_t story = 0;  ///< cookies are never given out twice
    std::uint16_t addresses = 0;
    std::uint32_t processes = 0;
    std::uint64_t inodes = 0;
    std::uint64_t generation = 0;  ///< of the processes: their start times differ
    std::uint64_t later_ns = 0;
};

/// Moves an event into its place, every number in it.
class Mover {
public:
    explicit Mover(const Numbers& numbers) : numbers_(numbers) {}

    void move(Event& event) const {
        move(event.at);
        move(event.task);
        std::visit([this](auto& body) { move_body(body); }, event.body);
    }

private:
    void move(Ktime& at) const {
        if (at.known()) at = at + numbers_.later_ns;
    }
    void move_number(std::uint32_t& number) const {
        if (number != 0) number += 100'000 * numbers_.processes;
    }
    void move(Task& task) const {
        if (!task.known()) return;
        move_number(task.process.tgid);
        move_number(task.tid);
        move_number(task.namespace_tgid);
        task.process.start_boottime_ns += 1'000'000 * numbers_.generation;
    }
    void move(Address& address) const {
        if (address.port != 0)
            address.port = static_cast<std::uint16_t>(address.port + 300 * numbers_.addresses);
    }
    void move(Endpoint& endpoint) const {
        if (endpoint.id != 0) {
            endpoint.id +=
                1'000'000 * (endpoint.kind == EndpointKind::kTcp ? numbers_.story : numbers_.inodes);
        }
        move(endpoint.local);
        move(endpoint.remote);
    }
    void move(TcpFacts& facts) const {
        if (facts.unacked_sent_ns != 0) facts.unacked_sent_ns += numbers_.later_ns;
    }
    void move(Closure& closure) const {
        move(closure.at);
        move(closure.by);
    }

    template <typename Body>
    void move_body(Body& body) const {
        if constexpr (requires { body.endpoint; }) move(body.endpoint);
        if constexpr (requires { body.tcp; }) move(body.tcp);
        if constexpr (requires { body.closure; }) move(body.closure);
        if constexpr (requires { body.own; }) move(body.own);
        if constexpr (requires { body.owner; }) move(body.owner);
        if constexpr (requires { body.opened; }) move(body.opened);
        if constexpr (requires { body.fin_received; }) move(body.fin_received);
        if constexpr (requires { body.child; }) move(body.child);
        if constexpr (requires { body.tgid; }) move_number(body.tgid);
        if constexpr (requires { body.last; }) move(body.last);
        if constexpr (requires { body.counts; }) {
            for (FailureCount& count : body.counts) {
                move_number(count.tid);
                move(count.last);
            }
        }
    }

    Numbers numbers_;
};

std::vector<Event> events_of(const Story& story) {
    std::vector<Event> events;
    for (const Step& step : story.steps()) {
        if (step.event) events.push_back(*step.event);
    }
    return events;
}

bool loses_records(const Story& story) {
    return std::any_of(story.steps().begin(), story.steps().end(),
                       [](const Step& step) { return step.lost > 0; });
}

/// Every process ends, and with it every socket and pipe: their numbers are free then.
void end_all(std::vector<Event>& events) {
    std::map<ProcessId, Task> living;
    std::map<std::uint64_t, Endpoint> open;
    for (const Event& event : events) {
        if (event.task.known()) living.emplace(event.task.process, event.task);
        for (const Endpoint* endpoint : endpoints_of(event)) open.emplace(endpoint->id, *endpoint);
    }
    for (const Event& event : events) {
        if (std::holds_alternative<ProcessExited>(event.body)) living.erase(event.task.process);
        if (const auto* gone = std::get_if<EndpointDestroyed>(&event.body)) open.erase(gone->endpoint.id);
    }
    Ktime now = events.back().at + kEndingNs;
    const auto emit = [&](EventBody body, const Task& task) {
        now = now + 1000;
        events.push_back(Event{now, task, true, std::move(body)});
    };
    for (const auto& [process, task] : living) {
        Task main = task;
        main.tid = process.tgid;
        emit(ProcessExited{0}, main);
    }
    for (const auto& [id, endpoint] : open) emit(EndpointDestroyed{endpoint, {}}, {});
}

std::vector<Arrival> arrivals_of(const std::vector<Event>& events) {
    std::vector<Arrival> arrivals;
    for (const Event& event : events) arrivals.push_back({&event, event.at, 0});
    return arrivals;
}

/// Numbers that somebody has had, and from when on they are free.
struct Freed {
    Numbers numbers;
    Ktime since;
};

PlacedStory place(const Scenario& scenario, const Hooks& hooks, Numbers numbers, Ktime begin, bool ends) {
    const Story story = scenario.story();
    PlacedStory placed;
    placed.name = scenario.name;
    placed.begin = begin;
    placed.events = events_of(story);
    if (ends) end_all(placed.events);
    numbers.later_ns = begin.ns - story.begin().ns;
    for (Event& event : placed.events) Mover(numbers).move(event);
    placed.truth = play(hooks, begin, arrivals_of(placed.events));
    return placed;
}

bool same(const Hooks& a, const Hooks& b) {
    return a.sends_seen == b.sends_seen && a.receives_seen == b.receives_seen &&
           a.packets_seen == b.packets_seen && a.reasons_seen == b.reasons_seen &&
           a.error_asked_seen == b.error_asked_seen;
}

}  // namespace

std::vector<const Endpoint*> endpoints_of(const Event& event) {
    return std::visit(
        [](const auto& body) -> std::vector<const Endpoint*> {
            if constexpr (requires { body.endpoint; }) {
                if (body.endpoint.known()) return {&body.endpoint};
            }
            return {};
        },
        event.body);
}

std::set<std::uint64_t> PlacedStory::endpoints() const {
    std::set<std::uint64_t> ids;
    for (const Event& event : events) {
        for (const Endpoint* endpoint : endpoints_of(event)) ids.insert(endpoint->id);
    }
    return ids;
}

std::set<Tgid> PlacedStory::processes() const {
    std::set<Tgid> tgids;
    for (const Event& event : events) {
        if (event.task.known()) tgids.insert(event.task.process.tgid);
        std::visit(
            [&](const auto& body) {
                if constexpr (requires { body.closure; }) tgids.insert(body.closure.by.process.tgid);
                if constexpr (requires { body.own; }) tgids.insert(body.own.by.process.tgid);
                if constexpr (requires { body.owner; }) tgids.insert(body.owner.process.tgid);
            },
            event.body);
    }
    tgids.erase(0);
    return tgids;
}

World random_world(Random& random, std::size_t stories) {
    std::vector<const Scenario*> chosen;
    World world;
    world.hooks = random.once_in(5) ? kFewHooks : Hooks{};
    for (const Scenario& scenario : all_scenarios()) {
        const Story story = scenario.story();
        if (same(story.hooks(), world.hooks) && !loses_records(story) && !events_of(story).empty()) {
            chosen.push_back(&scenario);
        }
    }
    world.begin = Ktime{1'000'000'000'000};
    std::vector<Freed> freed;
    for (std::size_t i = 0; i < stories; ++i) {
        Numbers numbers;
        numbers.story = numbers.inodes = numbers.generation = i;
        numbers.addresses = static_cast<std::uint16_t>(i);
        numbers.processes = static_cast<std::uint32_t>(i);
        Ktime begin = world.begin + random.below(kBeginningsNs);
        if (!freed.empty() && !random.once_in(3)) {
            const Freed& old = random.one_of(freed);
            if (!random.once_in(4)) numbers.addresses = old.numbers.addresses;
            if (!random.once_in(4)) numbers.processes = old.numbers.processes;
            if (!random.once_in(4)) numbers.inodes = old.numbers.inodes;
            // At once, now and then: the kernel waits for nothing.
            begin = old.since + 2000 + (random.once_in(3) ? 0 : random.below(kBetweenNs));
        }
        const bool ends = !random.once_in(3);
        world.stories.push_back(place(*random.one_of(chosen), world.hooks, numbers, begin, ends));
        std::erase_if(freed, [&](const Freed& old) {
            return old.numbers.addresses == numbers.addresses || old.numbers.processes == numbers.processes ||
                   old.numbers.inodes == numbers.inodes;
        });
        if (ends) freed.push_back({numbers, world.stories.back().events.back().at});
    }
    return world;
}

std::vector<World> single_worlds() {
    std::vector<World> worlds;
    for (const Scenario& scenario : all_scenarios()) {
        const Story story = scenario.story();
        if (loses_records(story)) continue;
        for (const bool ends : {false, true}) {
            if (ends && events_of(story).empty()) continue;
            World world{story.hooks(), story.begin(), {}};
            world.stories.push_back(place(scenario, world.hooks, {}, story.begin(), ends));
            if (ends) world.stories.back().name += "_ended";
            worlds.push_back(std::move(world));
        }
    }
    return worlds;
}

std::vector<Arrival> in_order(const World& world) {
    std::vector<Arrival> arrivals;
    for (const PlacedStory& story : world.stories) {
        const std::vector<Arrival> more = arrivals_of(story.events);
        arrivals.insert(arrivals.end(), more.begin(), more.end());
    }
    std::stable_sort(arrivals.begin(), arrivals.end(),
                     [](const Arrival& a, const Arrival& b) { return a.at < b.at; });
    return arrivals;
}

std::vector<Arrival> shuffled(std::vector<Arrival> arrivals, Random& random) {
    for (Arrival& arrival : arrivals) {
        if (arrival.event != nullptr) arrival.at = arrival.event->at + random.below(kReorderNs + 1);
    }
    std::stable_sort(arrivals.begin(), arrivals.end(),
                     [](const Arrival& a, const Arrival& b) { return a.at < b.at; });
    return arrivals;
}

std::vector<Told> play(const World& world, const std::vector<Arrival>& arrivals) {
    return play(world.hooks, world.begin, arrivals);
}

}  // namespace pipetrace::testing
