#include "render/postmortem_text.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace pipetrace {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kNoon = 1'767'355'200 * kSecond;  ///< 2026-01-02 12:00 UTC

WallTime at(std::int64_t after_seconds) { return {kNoon + after_seconds * kSecond}; }

IncidentGroup group(const char* name, std::uint64_t count, Severity worst, Cause cause) {
    IncidentGroup made;
    made.name = name;
    made.by_severity[static_cast<std::size_t>(worst)] = count;
    made.by_cause[static_cast<std::size_t>(cause)] = count;
    made.worst = worst;
    made.worst_id = "1234abcd-1";
    made.worst_at = made.last = at(60);
    return made;
}

Postmortem sample() {
    Postmortem postmortem;
    postmortem.traces.push_back({"web.db", "web-1", "6.1.0", "0.1.0", at(0), at(7200), false, 99});
    postmortem.first = at(30);
    postmortem.last = at(7000);
    postmortem.by_severity = {1, 0, 12};
    postmortem.causes = {group("peer_reset", 12, Severity::kFault, Cause::kPeerReset),
                         group("pipe_reader_closed", 1, Severity::kBenign, Cause::kPipeReaderClosed)};
    postmortem.processes = {group("nginx", 13, Severity::kFault, Cause::kPeerReset)};
    postmortem.peers = postmortem.processes;
    return postmortem;
}

std::string text_of(const Postmortem& postmortem) {
    return postmortem_text(postmortem, {false, 100, false, true});
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

TEST(PostmortemText, SaysWhatWasRecordedAndWhatCameOfIt) {
    const std::string text = text_of(sample());
    EXPECT_TRUE(contains(text,
                         "web.db: web-1, kernel 6.1.0, from 2026-01-02 12:00:00.000 UTC to 2026-01-02 "
                         "14:00:00.000 UTC."))
        << text;
    EXPECT_TRUE(
        contains(text, "13 incidents: 12 faults, 0 warnings, 1 benign; from 2026-01-02 12:00:30.000 UTC"));
    EXPECT_TRUE(contains(text, "No events were lost."));
    EXPECT_TRUE(contains(text,
                         "incidents   faults  cause               last\n"
                         "       12       12  peer_reset          2026-01-02 12:01:00\n"
                         "        1        0  pipe_reader_closed  2026-01-02 12:01:00\n"))
        << text;
    EXPECT_TRUE(contains(text,
                         "incidents   faults  process  mostly                   last\n"
                         "       13       13  nginx    peer_reset               2026-01-02 12:01:00\n"))
        << text;
    EXPECT_TRUE(contains(text, "One in full:\n  pipetrace report --id 1234abcd-1 web.db\n"));
}

TEST(PostmortemText, SaysWhatIsMissing) {
    Postmortem postmortem = sample();
    postmortem.traces[0].ended.reset();
    postmortem.lost_by_kind = {{"call_failed", 3}};
    postmortem.notes = {"The clock of db is 3 s ahead."};
    const std::string text = text_of(postmortem);
    EXPECT_TRUE(contains(text, "and not ended in order")) << text;
    EXPECT_TRUE(contains(text, "3 events were lost (call_failed 3)"));
    EXPECT_TRUE(contains(text, "The clock of db is 3 s ahead."));
    postmortem.lost_by_kind.clear();
    EXPECT_TRUE(contains(text_of(postmortem), "No events are known to be lost; the end of a trace"));
}

TEST(PostmortemText, WithoutIncidentsThereIsNoTable) {
    Postmortem postmortem;
    postmortem.traces = sample().traces;
    const std::string text = text_of(postmortem);
    EXPECT_TRUE(contains(text, "0 incidents")) << text;
    EXPECT_FALSE(contains(text, "cause"));
    EXPECT_FALSE(contains(text, "--id"));
}

TEST(PostmortemText, TheRestOfALongTableIsCounted) {
    Postmortem postmortem = sample();
    for (int i = 0; i < 30; ++i) {
        postmortem.peers.push_back(
            group(("p" + std::to_string(i)).c_str(), 2, Severity::kFault, Cause::kPeerReset));
    }
    EXPECT_TRUE(contains(text_of(postmortem), "       42           of 21 others\n")) << text_of(postmortem);
    postmortem.peers_unnamed = 8;
    EXPECT_TRUE(contains(text_of(postmortem), "       50           of very many others\n"));
}

TEST(PostmortemText, BarsStandForStretchesOfTimeInTheReadersZone) {
    Postmortem postmortem = sample();
    const std::int64_t minute = kNoon / kSecond / 60;
    postmortem.by_time = {
        {minute, {0, 0, 1}}, {minute + 59, {0, 0, 1}}, {minute + 60, {1, 0, 3}}, {minute + 600, {0, 1, 0}}};
    const std::string text = text_of(postmortem);
    EXPECT_TRUE(contains(text, "        2  2026-01-02 12:00 " + std::string(32, '#') + "\n")) << text;
    EXPECT_TRUE(contains(text, "        4  2026-01-02 13:00 " + std::string(65, '#') + "\n"));
    EXPECT_TRUE(contains(text, "        1  2026-01-02 22:00 " + std::string(16, '#') + "\n"));
}

TEST(PostmortemText, OfAPrunedIncidentTheRowIsTold) {
    IncidentRow row;
    row.time = at(1);
    row.host = "web-1";
    row.comm = "ngi\x1bnx";
    row.pid = 7;
    row.local = "10.0.0.1:80";
    row.errors = "ECONNRESET";
    row.cause = Cause::kPeerReset;
    row.confidence = Confidence::kLikely;
    row.summary = "A RST came.";
    row.advice = "Look there.";
    const std::string text = recorded_story_text(row, {false, 100, false, true});
    EXPECT_TRUE(contains(text, "2026-01-02 12:00:01.000 UTC, on web-1\n")) << text;
    EXPECT_TRUE(contains(text, "[7]  ECONNRESET  peer_reset\n    10.0.0.1:80 > ?\n"));
    EXPECT_TRUE(contains(
        text, "    Cause    A RST came. (likely)\n    Advice   Look there.\n    Pruned   the events"));
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

TEST(PostmortemText, NamesCannotSteerTheTerminal) {
    Postmortem postmortem = sample();
    postmortem.processes[0].name = "ev\x1b[2Jil\n";
    postmortem.traces[0].host = "h\x1b]0;x\x07";
    const std::string text = text_of(postmortem);
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
    EXPECT_EQ(text.find('\x07'), std::string::npos);
}

}  // namespace
}  // namespace pipetrace
