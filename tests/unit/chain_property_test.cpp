// Processes at random meet failures and end, each reading what another writes: whatever they do, what
// brought a failure about is older, was told before, and following it comes to an end.
#include "correlate/correlator.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <map>
#include <random>
#include <vector>

namespace pipetrace {
namespace {

constexpr std::uint32_t kSeeds = 300;
constexpr Tgid kProcesses = 12;
constexpr std::uint64_t kPipes = 20;
constexpr int kSteps = 200;

class Randomness {
public:
    explicit Randomness(std::uint32_t seed) : engine_(seed) {}
    std::uint64_t below(std::uint64_t end) {
        return std::uniform_int_distribution<std::uint64_t>(0, end - 1)(engine_);
    }
    bool once_in(std::uint64_t times) { return below(times) == 0; }

private:
    std::mt19937 engine_;
};

Task random_task(Randomness& random) {
    Task task;
    task.process = {static_cast<Tgid>(1 + random.below(kProcesses)), 1};
    task.tid = task.process.tgid;
    return task;
}

Endpoint random_end(Randomness& random) {
    Endpoint endpoint;
    endpoint.id = 1 + random.below(kPipes);
    endpoint.kind = endpoint.id % 3 == 0 ? EndpointKind::kUnix : EndpointKind::kPipe;
    return endpoint;
}

OtherEndSeen random_closure(Randomness& random, Ktime now) {
    constexpr std::uint8_t kSignals[] = {0, 0, 9, 13, 13, 6};
    OtherEndSeen seen;
    seen.endpoint = random_end(random);
    // Now and then a record that claims the impossible: from before, or from after.
    seen.closure.at = Ktime{now.ns + random.below(2'000'000) - 1'500'000};
    if (random.once_in(10)) seen.closure.at = now;
    seen.closure.by = random_task(random);
    seen.closure.exiting = !random.once_in(4);
    seen.closure.signal = kSignals[random.below(std::size(kSignals))];
    return seen;
}

EventBody random_body(Randomness& random, Ktime now) {
    switch (random.below(4)) {
        case 0: return random_closure(random, now);
        case 1: return ProcessExited{static_cast<int>(random.below(3)) << 8};
        case 2: {
            CallFailed failed;
            failed.endpoint = random_end(random);
            failed.error = random.once_in(2) ? EPIPE : ECONNRESET;
            return failed;
        }
        default: {
            SigpipeGenerated raised;
            raised.endpoint = random_end(random);
            raised.disposition = random.once_in(3) ? Disposition::kIgnore : Disposition::kDefault;
            return raised;
        }
    }
}

std::vector<Incident> told_of_a_random_trace(std::uint32_t seed) {
    Randomness random(seed);
    std::vector<Incident> told;
    Correlator correlator({}, [&](Incident&& incident) { told.push_back(std::move(incident)); });
    Ktime now{1'000'000'000};
    for (int step = 0; step < kSteps; ++step) {
        now = now + (random.once_in(8) ? 30'000'000 : random.below(2'000'000));
        Event event;
        event.at = now;
        event.task = random_task(random);
        event.body = random_body(random, now);
        correlator.observe(event);
        correlator.advance_to(now);
    }
    correlator.finish();
    return told;
}

/// An id holds the time of the first sign; `at` moves when a SIGPIPE is followed by an error.
std::uint64_t first_at(const std::string& id) {
    return std::stoull(id.substr(id.find('-') + 1), nullptr, 16);
}

TEST(ChainProperty, NoLoopsAndCausesFirst) {
    std::size_t links = 0;
    for (std::uint32_t seed = 1; seed <= kSeeds; ++seed) {
        std::map<std::string, const Incident*> by_id;
        const std::vector<Incident> told = told_of_a_random_trace(seed);
        for (const Incident& incident : told) {
            by_id[incident.id] = &incident;
            if (!incident.caused_by) continue;
            ++links;
            const auto cause = by_id.find(*incident.caused_by);
            ASSERT_NE(cause, by_id.end()) << "seed " << seed << ": " << incident.id << " before its cause";
            ASSERT_LT(first_at(cause->first), first_at(incident.id)) << "seed " << seed;
        }
        for (const auto& [id, incident] : by_id) {
            std::size_t depth = 0;
            for (const Incident* next = incident; next->caused_by; next = by_id.at(*next->caused_by)) {
                ASSERT_LE(++depth, by_id.size()) << "seed " << seed << ": a loop at " << id;
            }
        }
    }
    EXPECT_GT(links, kSeeds) << "the random traces must hold chains at all";
}

}  // namespace
}  // namespace pipetrace
