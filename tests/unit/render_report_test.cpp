#include "render/report_text.h"
#include "render/utf8.h"

#include <gtest/gtest.h>

#include <sstream>

namespace pipetrace {
namespace {

HookReport report_with(Mode mode, std::size_t hooks, std::size_t limited) {
    HookReport report;
    report.mode = mode;
    report.kernel = "6.12.0";
    report.hook_count = hooks;
    report.observations.push_back({"rst_received", "RST received", "tracepoint tcp_receive_reset", "", ""});
    for (std::size_t i = 0; i < limited; ++i) {
        report.observations.push_back(
            {"rst_packet", "RST packet", "", "its TTL", "fentry cannot be attached here"});
    }
    return report;
}

TEST(ReadinessLine, OneProcess) {
    EXPECT_EQ(readiness_line(report_with(Mode::kFull, 14, 0), {{4242}, true, ""}),
              "pipetrace: tracing pid 4242 and its children: full mode, 14 hooks, nothing missing. "
              "Ctrl-C ends.\n");
}

TEST(ReadinessLine, WholeSystemWithLimits) {
    EXPECT_EQ(readiness_line(report_with(Mode::kTracepoint, 11, 2), {}),
              "pipetrace: tracing the whole system: tracepoint mode, 11 hooks, 2 observations limited "
              "(pipetrace doctor). Ctrl-C ends.\n");
    EXPECT_NE(readiness_line(report_with(Mode::kKprobe, 1, 1), {}).find("1 hook, 1 observation limited"),
              std::string::npos);
}

TEST(ReadinessLine, SeveralProcessesAndACommand) {
    EXPECT_NE(readiness_line(report_with(Mode::kFull, 9, 0), {{1, 2}, false, ""}).find("tracing pids 1, 2:"),
              std::string::npos);
    const std::string run = readiness_line(report_with(Mode::kFull, 9, 0), {{}, true, "sh\n"});
    EXPECT_NE(run.find("tracing sh\\x0a and its children:"), std::string::npos);
    EXPECT_NE(run.find("Ends with the command."), std::string::npos);
    EXPECT_EQ(run.find('\n'), run.size() - 1);
}

TEST(SummaryText, TellsCountsAndLosses) {
    TraceSummary summary;
    summary.incidents = 3;
    summary.resets_received = 4;
    summary.resets_sent = 1;
    summary.events = 120;
    EXPECT_EQ(summary_text(summary, 100),
              "pipetrace: 3 incidents; resets: 4 received, 1 sent; 120 events, no events lost.\n");
    summary.incidents = 1;
    summary.lost_by_kind = {{"call_failed", 2}, {"rst_received", 10}};
    EXPECT_EQ(summary_text(summary, 120),
              "pipetrace: 1 incident; resets: 4 received, 1 sent; 120 events, 12 events lost "
              "(call_failed "
              "2, rst_received 10).\n");
}

TEST(SummaryText, NamesOlderEndpointsAndEvictions) {
    TraceSummary summary;
    summary.endpoints_older_than_trace = 5;
    summary.evicted.of(Table::kHistory) = 2;
    summary.evicted.of(Table::kOtherEnds) = 41;
    const std::string text = summary_text(summary, 200);
    EXPECT_NE(text.find("5 endpoints were older than the trace"), std::string::npos);
    EXPECT_NE(text.find("Forgotten early because a table was full: other_ends 41, history 2.\n"), std::string::npos)
        << text;
    EXPECT_EQ(summary_text({}, 200).find("table"), std::string::npos);
}

TEST(SummaryText, NamesWhatWasOnlyCounted) {
    TraceSummary summary;
    summary.incidents = 3;
    EXPECT_EQ(summary_text(summary, 200).find("counted"), std::string::npos);
    summary.counted_only = 450'055;
    const std::string text = summary_text(summary, 200);
    EXPECT_NE(text.find("450055 more incidents only counted: load was shed.\n"), std::string::npos) << text;
}

TEST(SummaryText, NamesTheLargestBurstsWithTheirFinalCount) {
    BurstStory story;
    story.burst = Burst{"b", 12, 400'000, BurstPattern::kSameIdleAge};
    story.cause = Cause::kIdleConnectionReset;
    story.comm = "nginx";
    story.tgid = 812;
    story.remote_host = "10.0.0.7";
    story.idle_us_min = 349'000'000;
    story.idle_us_max = 350'000'000;
    TraceSummary summary;
    summary.burst_count = 1;
    summary.bursts = {story};
    EXPECT_NE(summary_text(summary, 200)
                  .find("1 burst: 12 x idle_connection_reset of nginx[812] from 10.0.0.7 in 400.0 ms, all silent "
                        "for 5 min 50 s.\n"),
              std::string::npos)
        << summary_text(summary, 200);
    story.burst.pattern = BurstPattern::kAlike;
    story.tgid.reset();
    story.remote_host.reset();
    summary.bursts.push_back(story);
    summary.burst_count = 5;
    const std::string text = summary_text(summary, 400);
    EXPECT_NE(text.find("5 bursts: 12 x"), std::string::npos) << text;
    EXPECT_NE(text.find("; 12 x idle_connection_reset of nginx from several hosts in 400.0 ms; and 3 more."),
              std::string::npos)
        << text;
}

TEST(StatusLine, DropsWhatDoesNotFit) {
    TraceSummary summary;
    summary.incidents = 2;
    summary.resets_received = 7;
    summary.events = 40;
    EXPECT_EQ(status_line(summary, 12, 80), "tracing for 12 s, 2 incidents, resets 7 in, 0 out, 40 events");
    EXPECT_EQ(status_line(summary, 12, 30), "tracing for 12 s, 2 incidents");
    EXPECT_EQ(status_line(summary, 12, 5), "");
    summary.lost_by_kind["x"] = 1;
    EXPECT_EQ(status_line(summary, 125, 80),
              "tracing for 2 min 5 s, 2 incidents, resets 7 in, 0 out, 40 events, 1 lost");
}

TEST(DoctorText, ListsEveryObservationWithItsHookAndLoss) {
    const std::string text = doctor_text(report_with(Mode::kTracepoint, 11, 1), 80, false);
    EXPECT_NE(text.find("Kernel 6.12.0: tracepoint mode, 11 hooks."), std::string::npos);
    EXPECT_NE(text.find("  ok       RST received  tracepoint tcp_receive_reset\n"), std::string::npos);
    EXPECT_NE(text.find("  none     RST packet    no hook\n"), std::string::npos);
    EXPECT_NE(text.find("           lost  its TTL\n"), std::string::npos);
    EXPECT_NE(text.find("           why   fentry cannot be attached here\n"), std::string::npos);
    EXPECT_NE(text.find("1 of 2 observations limited or missing."), std::string::npos);
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
    EXPECT_NE(doctor_text(report_with(Mode::kFull, 1, 0), 80, false).find("Nothing is missing"),
              std::string::npos);
    EXPECT_NE(doctor_text(report_with(Mode::kFull, 1, 1), 80, true).find("\x1b[31mnone"), std::string::npos);
}

TEST(DoctorText, LongReasonsAreWrapped) {
    HookReport report = report_with(Mode::kFull, 1, 1);
    report.observations[1].why =
        "a reason that goes on and on and on until the line is full and then "
        "some more of it";
    std::istringstream lines(doctor_text(report, 60, false));
    for (std::string line; std::getline(lines, line);) EXPECT_LE(display_width(line), 60U) << line;
}

}  // namespace
}  // namespace pipetrace
