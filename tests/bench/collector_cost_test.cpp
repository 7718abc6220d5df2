// What a storm costs the collector, as counts that are the same on every machine: the whole pipeline, fed
// with the records of thousands of aborted connections.
#include "counted_allocations.h"
#include "replayed_trace.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <string>

namespace pipetrace::testing {
namespace {

/// Until every table is as full, and every buffer as long, as it gets.
constexpr std::size_t kWarmUp = 35'000;
constexpr std::size_t kMeasured = 5'000;

// What is reached; the goal is none in steady state. By the incident: fewer records must not look like more.
constexpr double kAllocationsPerIncidentToJson = 46.1;
constexpr double kAllocationsPerIncidentToText = 215.2;
// A full story, verdict and advice: of one who had connected and was thrown out at once.
constexpr std::size_t kJsonBytesMax = 3'600;
constexpr std::size_t kTextBytesMax = 1'000;
// What one incident takes in the ring: 4 MiB hold 1,628 of them, at 40,000 a second 40 ms' worth.
constexpr std::size_t kRecordBytesMax = 2'576;

class OutputPath {
public:
    OutputPath() { ::close(::mkstemp(path_)); }
    ~OutputPath() { ::unlink(path_); }
    const char* get() const { return path_; }

private:
    char path_[32] = "/tmp/collector-cost-XXXXXX";
};

double allocations_per_incident(bool json) {
    ReplayedTrace trace(json, "/dev/null");
    trace.run(kWarmUp);
    const std::uint64_t events_before = trace.pipeline().summary().events;
    // The records' own making takes none either: its buffers are as long as they get.
    const Allocations before = allocations_so_far();
    trace.run(kMeasured);
    const Allocations after = allocations_so_far();
    const std::uint64_t events = trace.pipeline().summary().events - events_before;
    EXPECT_EQ(events, kMeasured * StormRecords::kRecordsPerIncident);
    const auto count = static_cast<double>(after.count - before.count);
    ::testing::Test::RecordProperty("allocations_per_event",
                                    std::to_string(count / static_cast<double>(events)));
    return count / kMeasured;
}

/// Bytes an incident, all of them told.
std::size_t output_bytes_per_incident(bool json, std::size_t incidents) {
    const OutputPath path;
    ReplayedTrace trace(json, path.get());
    trace.run(incidents);
    trace.pipeline().finish();
    EXPECT_EQ(trace.pipeline().summary().incidents, incidents);
    std::ifstream written(path.get(), std::ios::ate | std::ios::binary);
    return static_cast<std::size_t>(written.tellg()) / incidents;
}

TEST(CollectorCost, EveryIncidentOfAStormIsTold) {
    constexpr std::size_t kIncidents = 300;
    const OutputPath path;
    ReplayedTrace trace(true, path.get());
    trace.run(kIncidents);
    trace.pipeline().finish();
    std::ifstream written(path.get());
    std::set<std::string> ids;
    for (std::string line; std::getline(written, line);) {
        const auto incident = nlohmann::json::parse(line);
        ids.insert(incident["id"]);
        EXPECT_EQ(incident["verdict"]["cause"], "peer_abortive_close");
        EXPECT_EQ(incident["verdict"]["confidence"], "certain");
        ASSERT_EQ(incident["errors"].size(), 2U) << line;
        EXPECT_EQ(incident["errors"][0]["errno"], "ECONNRESET");
        EXPECT_EQ(incident["errors"][1]["errno"], "EPIPE");
        EXPECT_EQ(incident["sigpipe"], "suppressed");
    }
    EXPECT_EQ(ids.size(), kIncidents);
    EXPECT_EQ(trace.pipeline().summary().lost_by_kind.size(), 0U);
}

TEST(CollectorCost, AllocationsToJson) {
    EXPECT_LE(allocations_per_incident(true), kAllocationsPerIncidentToJson);
}

TEST(CollectorCost, AllocationsToText) {
    EXPECT_LE(allocations_per_incident(false), kAllocationsPerIncidentToText);
}

TEST(CollectorCost, MemoryDoesNotGrowInAStorm) {
    ReplayedTrace trace(true, "/dev/null");
    trace.run(kWarmUp);
    const Allocations before = allocations_so_far();
    trace.run(kWarmUp);
    const Allocations after = allocations_so_far();
    EXPECT_LE(after.live, before.live + before.live / 100) << "pieces of memory in use";
}

TEST(CollectorCost, BytesPerIncident) {
    constexpr std::size_t kIncidents = 2'000;
    const std::size_t json_bytes = output_bytes_per_incident(true, kIncidents);
    const std::size_t text_bytes = output_bytes_per_incident(false, kIncidents);
    RecordProperty("json_bytes", std::to_string(json_bytes));
    RecordProperty("text_bytes", std::to_string(text_bytes));
    EXPECT_LE(json_bytes, kJsonBytesMax);
    EXPECT_LE(text_bytes, kTextBytesMax);
    StormRecords records;
    records.add_incident(Ktime{1});
    EXPECT_EQ(records.count(), StormRecords::kRecordsPerIncident);
    constexpr std::size_t kRingHeader = 8;
    EXPECT_LE(records.bytes() + kRingHeader * records.count(), kRecordBytesMax);
}

}  // namespace
}  // namespace pipetrace::testing
