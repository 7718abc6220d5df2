// The collector by itself: a storm's records through decoding, correlation, diagnosis and rendering.
// Counters tell what one event and one incident take; run by bench.py, or by hand.
#include "counted_allocations.h"
#include "replayed_trace.h"

#include <benchmark/benchmark.h>

namespace pipetrace::testing {
namespace {

constexpr std::size_t kWarmUp = 70'000;
constexpr std::size_t kBatch = 40;

void replay_storm(benchmark::State& state, bool json) {
    ReplayedTrace trace(json, "/dev/null");
    trace.run(kWarmUp);
    std::uint64_t taken = 0;
    for (auto _ : state) {
        state.PauseTiming();
        trace.source().prepare(kBatch);
        const Allocations before = allocations_so_far();
        state.ResumeTiming();
        trace.pipeline().pump();
        taken += allocations_so_far().count - before.count;
    }
    const auto incidents = static_cast<double>(state.iterations()) * kBatch;
    const double events = incidents * StormRecords::kRecordsPerIncident;
    using benchmark::Counter;
    state.counters["events"] = Counter(events, Counter::kAvgIterations);
    state.counters["incidents"] = Counter(incidents, Counter::kAvgIterations);
    state.counters["allocations_per_event"] = static_cast<double>(taken) / events;
}

BENCHMARK_CAPTURE(replay_storm, json, true)->Unit(benchmark::kNanosecond);
BENCHMARK_CAPTURE(replay_storm, text, false)->Unit(benchmark::kNanosecond);

}  // namespace
}  // namespace pipetrace::testing

BENCHMARK_MAIN();
