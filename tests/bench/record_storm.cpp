// Makes a recording of a storm, as `pipetrace record` would: for measuring reports of it.
// record_storm FILE INCIDENTS
#include "app/error_report.h"
#include "app/pipeline.h"
#include "app/recorder.h"
#include "app/replay.h"
#include "replay_source.h"
#include "source/host_reader.h"
#include "source/syscall_table.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <span>
#include <thread>

namespace pipetrace::testing {
namespace {

constexpr std::size_t kDrain = 40;
constexpr int kWaitsMax = 60'000;

struct Nobody final : ProcessLookup {
    void describe(InvolvedProcess&, Ktime) override {}
};

TraceContext context_of(const ReplaySource& source) {
    TraceContext trace;
    trace.host = {"storm", "5708a000-0000-4000-8000-000000000000", "6.1.0"};
    trace.machine = "x86_64";
    trace.ticks_per_second = source.ticks_per_second();
    trace.clocks = read_clock_offsets();
    trace.hooks = source.hook_report();
    trace.syscall_names = syscall_names();
    trace.started = trace.clocks.wall(source.now());
    return trace;
}

/// The disk is slower than the making.
bool wait_for(const Recorder& recorder) {
    for (int waits = 0; recorder.is_writing(); ++waits) {
        if (waits == kWaitsMax) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
}

int record(const char* path, std::uint64_t incidents) {
    constexpr auto kUnlimited = std::numeric_limits<std::int64_t>::max();
    ReplaySource source;
    const TraceContext trace = context_of(source);
    Recorder::Settings to;
    to.path = path;
    to.limits = {static_cast<std::uint64_t>(kUnlimited), static_cast<std::uint64_t>(kUnlimited)};
    to.tell = report_error;
    Recorder recorder(std::move(to));
    if (const Status started = recorder.start(trace, [] { return std::map<std::string, std::uint64_t>{}; });
        !started) {
        report_error(started.error());
        return EXIT_FAILURE;
    }
    Nobody nobody;
    const AdviceTable advice;
    Pipeline::Settings flow;
    flow.advice = &advice;
    flow.traced.host = trace.host;
    flow.traced.clocks = trace.clocks;
    flow.traced.syscall_names = &syscall_names();
    flow.clock = [&source] { return source.now(); };
    flow.on_record = [&recorder](std::span<const std::byte> bytes) { recorder.add_record(bytes); };
    flow.print_after_ns = kRecordAfterNs;
    Pipeline pipeline(std::move(flow), source, nobody, recorder);
    for (std::uint64_t done = 0; done < incidents; done += kDrain) {
        source.prepare(std::min<std::uint64_t>(kDrain, incidents - done));
        pipeline.pump();
        if (done % (kDrain * 100) == 0 && !wait_for(recorder)) return EXIT_FAILURE;
    }
    pipeline.finish();
    if (const Status closed = recorder.close(pipeline.summary()); !closed) {
        report_error(closed.error());
        return EXIT_FAILURE;
    }
    return recorder.kept() == incidents && recorder.lost() == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace
}  // namespace pipetrace::testing

int main(int argc, char** argv) {
    const std::uint64_t incidents = argc == 3 ? std::strtoull(argv[2], nullptr, 10) : 0;
    if (incidents == 0) {
        std::fputs("usage: record_storm FILE INCIDENTS\n", stderr);
        return EXIT_FAILURE;
    }
    return pipetrace::testing::record(argv[1], incidents);
}
