#include "app/report_tally.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace pipetrace {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kNoon = 1'767'355'200 * kSecond;  ///< 2026-01-02 12:00 UTC

IncidentRow row(const char* comm, Cause cause, Severity severity, std::int64_t after_seconds) {
    IncidentRow made;
    made.id = std::string(comm) + "-" + std::to_string(after_seconds);
    made.time.ns = kNoon + after_seconds * kSecond;
    made.comm = comm;
    made.local = "10.0.0.1:40000";
    made.local_port = 40000;
    made.remote = "10.0.0.7:6379";
    made.remote_port = 6379;
    made.cause = cause;
    made.severity = severity;
    return made;
}

Postmortem tallied(const std::vector<IncidentRow>& rows) {
    ReportTally tally;
    for (const IncidentRow& each : rows) tally.add(each);
    Postmortem postmortem;
    tally.fill(postmortem);
    return postmortem;
}

TEST(ReportTally, TheMostSeriousComesFirstThenTheMostFrequent) {
    const Postmortem postmortem = tallied({
        row("yes", Cause::kPipeReaderClosed, Severity::kBenign, 1),
        row("yes", Cause::kPipeReaderClosed, Severity::kBenign, 2),
        row("nginx", Cause::kPeerReset, Severity::kFault, 3),
        row("curl", Cause::kConnectionRefused, Severity::kWarning, 4),
        row("php", Cause::kPeerReset, Severity::kFault, 5),
        row("php", Cause::kConnectionRefused, Severity::kWarning, 9),
        row("php", Cause::kPeerProcessDied, Severity::kFault, 7),
    });
    EXPECT_EQ(postmortem.by_severity, (SeverityCounts{2, 2, 3}));
    ASSERT_EQ(postmortem.processes.size(), 4U);
    const IncidentGroup& worst = postmortem.processes[0];
    EXPECT_EQ(worst.name, "php");
    EXPECT_EQ(worst.by_severity, (SeverityCounts{0, 1, 2}));
    EXPECT_EQ(worst.main_cause(), Cause::kPeerProcessDied) << "of those with one each, the first by order";
    EXPECT_EQ(worst.worst_id, "php-7") << "the latest of its faults";
    EXPECT_EQ(worst.last.ns, kNoon + 9 * kSecond);
    EXPECT_EQ(postmortem.processes[1].name, "nginx");
    EXPECT_EQ(postmortem.processes[2].name, "curl");
    EXPECT_EQ(postmortem.processes[3].name, "yes");
    EXPECT_EQ(postmortem.causes[0].name, "peer_reset");
    EXPECT_EQ(postmortem.causes[0].by_severity, (SeverityCounts{0, 0, 2}));
    EXPECT_EQ(postmortem.first->ns, kNoon + kSecond);
    EXPECT_EQ(postmortem.last->ns, kNoon + 9 * kSecond);
}

TEST(ReportTally, AClientsPassingPortMakesNoGroupOfItsOwn) {
    IncidentRow server = row("nginx", Cause::kPeerReset, Severity::kFault, 1);
    server.local_port = 80;
    server.remote = "192.0.2.7:51234";
    server.remote_port = 51234;
    EXPECT_EQ(peer_name(server), "192.0.2.7");
    server.remote = "[2001:db8::7]:51234";
    EXPECT_EQ(peer_name(server), "[2001:db8::7]");
    IncidentRow client = row("php", Cause::kPeerReset, Severity::kFault, 1);
    client.peer_comm = "redis-server";
    client.peer_host = "db-1";
    EXPECT_EQ(peer_name(client), "10.0.0.7:6379 redis-server on db-1");
}

TEST(ReportTally, OfAPipeTheReaderIsThePeer) {
    IncidentRow writer = row("yes", Cause::kPipeReaderClosed, Severity::kBenign, 1);
    writer.kind = EndpointKind::kPipe;
    writer.local = "pipe:[77]";
    writer.remote.reset();
    EXPECT_EQ(peer_name(writer), "a pipe's reader, not seen");
    writer.peer_comm = "head";
    EXPECT_EQ(peer_name(writer), "head");
}

TEST(ReportTally, TimeIsCountedInSlicesThatGrowWithTheSpan) {
    ReportTally tally;
    const std::int64_t count = 3 * static_cast<std::int64_t>(ReportTally::kSlicesMax);
    for (std::int64_t i = 0; i < count; ++i) {
        tally.add(row("x", Cause::kPeerReset, Severity::kFault, i * 60 - 1'800'000'000));
    }
    Postmortem postmortem;
    tally.fill(postmortem);
    EXPECT_LE(postmortem.by_time.size(), ReportTally::kSlicesMax);
    EXPECT_EQ(postmortem.slice_seconds, 240);
    std::uint64_t sum = 0;
    for (const auto& [slice, counts] : postmortem.by_time) sum += total_of(counts);
    EXPECT_EQ(sum, static_cast<std::uint64_t>(count));
}

TEST(ReportTally, NamesAreBoundedAndTheRestIsCounted) {
    ReportTally tally;
    for (std::size_t i = 0; i < ReportTally::kNamesMax + 5; ++i) {
        tally.add(row(("p" + std::to_string(i)).c_str(), Cause::kPeerReset, Severity::kFault, 1));
    }
    Postmortem postmortem;
    tally.fill(postmortem);
    EXPECT_EQ(postmortem.processes.size(), ReportTally::kNamesMax);
    EXPECT_EQ(postmortem.processes_unnamed, 5U);
    EXPECT_EQ(total_of(postmortem.causes[0].by_severity), ReportTally::kNamesMax + 5);
}

}  // namespace
}  // namespace pipetrace
