// Which lines of a log fall within an incident.
#include "correlate/log_tail.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace pipetrace {
namespace {

constexpr std::uint64_t kMs = 1'000'000;
constexpr Ktime kFailed{100'000 * kMs};

LogLine line_at(Ktime at, std::string text = "line", std::uint64_t late_ns = 0) {
    return {"app.log", at, late_ns, std::move(text), false};
}

/// A RST, and the call that failed a millisecond later; the FIN before it lay unread for an hour.
Incident incident() {
    Incident incident;
    incident.id = "one";
    incident.at = kFailed;
    const auto entry = [&](Ktime at, const char* event) {
        incident.timeline.push_back({at, true, event, Side::kLocal, {}});
    };
    entry(kFailed - 90'000 * kMs, "fin_received");
    entry(kFailed - 1 * kMs, "rst_received");
    entry(kFailed, "call_failed");
    return incident;
}

std::vector<std::string> texts_of(const JoinedLog& log) {
    std::vector<std::string> texts;
    for (const LogLine& line : log.lines) texts.push_back(line.text);
    return texts;
}

using Texts = std::vector<std::string>;

TEST(LogTail, TheWindowIsTheFailuresNotTheConnections) {
    const LogWindow window = log_window(incident());
    EXPECT_EQ(window.begin, kFailed - 1 * kMs - kLogBeforeNs);
    EXPECT_EQ(window.end, kFailed + kLogAfterNs);
    Incident late_end = incident();
    late_end.timeline.push_back({kFailed + 300 * kMs, true, "process_exited", Side::kLocal, {}});
    EXPECT_EQ(log_window(late_end).end, kFailed + 300 * kMs + kLogAfterNs);
    Incident from_state = incident();
    from_state.timeline.push_back({kFailed - 1500 * kMs, false, "fin_received", Side::kNetwork, {}});
    EXPECT_EQ(log_window(from_state).begin, kFailed - 1 * kMs - kLogBeforeNs) << "when that was is not known";
}

TEST(LogTail, LinesAroundTheFailureAreItsOwn) {
    LogTail tail;
    tail.add(line_at(kFailed - 1 * kMs - kLogBeforeNs - 1, "before"));
    tail.add(line_at(kFailed - 1 * kMs - kLogBeforeNs, "first"));
    tail.add(line_at(kFailed + 3 * kMs, "Broken pipe"));
    tail.add(line_at(kFailed + kLogAfterNs, "last"));
    tail.add(line_at(kFailed + kLogAfterNs + 1, "after"));
    const JoinedLog log = tail.join(incident());
    EXPECT_TRUE(log.is_known);
    EXPECT_EQ(texts_of(log), (Texts{"first", "Broken pipe", "last"}));
    EXPECT_EQ(log.left_out, 0U);
}

TEST(LogTail, ALineSeenLateMayBelongToWhatWasEarlier) {
    LogTail tail;
    tail.add(line_at(kFailed + kLogAfterNs + 200 * kMs, "written up to 300 ms before", 300 * kMs));
    tail.add(line_at(kFailed + kLogAfterNs + 200 * kMs, "written up to 100 ms before", 100 * kMs));
    EXPECT_EQ(texts_of(tail.join(incident())), Texts{"written up to 300 ms before"});
}

TEST(LogTail, OfTooManyTheNearestAreShownInTheirOrder) {
    LogTail tail;
    for (int i = 0; i < 100; ++i) tail.add(line_at(kFailed - 100 * kMs + i * kMs, std::to_string(i)));
    for (int i = 0; i < 100; ++i) tail.add(line_at(kFailed + 1 * kMs, "trace " + std::to_string(i)));
    const JoinedLog log = tail.join(incident());
    ASSERT_EQ(log.lines.size(), kLogLinesMax);
    EXPECT_EQ(log.left_out, 200 - kLogLinesMax);
    EXPECT_EQ(log.lines.front().text, "99") << "a millisecond before, as near as those after";
    EXPECT_EQ(log.lines.at(1).text, "trace 0");
    EXPECT_EQ(log.lines.back().text, "trace 18");
}

TEST(LogTail, OfAStackTraceTheLinesThatNameTheFailureAreShown) {
    LogTail tail;
    tail.add(line_at(kFailed + 6 * kMs, "SEVERE [http-nio-8080-exec-2] Servlet.service() threw exception"));
    for (int i = 0; i < 30; ++i)
        tail.add(line_at(kFailed + 6 * kMs, "\t\tat example.Stream.close(Stream.java:7)"));
    tail.add(
        line_at(kFailed + 6 * kMs, "\torg.example.ClientAbortException: java.io.IOException: Broken pipe"));
    for (int i = 0; i < 30; ++i)
        tail.add(line_at(kFailed + 6 * kMs, "\t\tat example.Stream.reset(Stream.java:8)"));
    const JoinedLog log = tail.join(incident());
    EXPECT_EQ(texts_of(log), (Texts{"SEVERE [http-nio-8080-exec-2] Servlet.service() threw exception",
                                    "\torg.example.ClientAbortException: java.io.IOException: Broken pipe"}));
    EXPECT_EQ(log.left_out, 60U);
}

TEST(LogTail, WhatWasForgottenIsNotCalledNothing) {
    LogTail tail;
    tail.add(line_at(kFailed, "Broken pipe"));
    tail.forget_before(kFailed - 1 * kMs - kLogBeforeNs);
    EXPECT_EQ(texts_of(tail.join(incident())), Texts{"Broken pipe"});
    tail.forget_before(kFailed - kLogBeforeNs);
    const JoinedLog log = tail.join(incident());
    EXPECT_FALSE(log.is_known);
    EXPECT_TRUE(log.lines.empty());
}

TEST(LogTail, AFloodIsBoundedAndCounted) {
    LogTail tail;
    const std::string text(1000, 'x');
    for (int i = 0; i < 100'000; ++i)
        tail.add(line_at(kFailed + (static_cast<std::uint64_t>(i) * kMs) / 1000, text));
    tail.skip(kFailed + 50 * kMs, 7'000'000);
    EXPECT_LE(tail.size_bytes(), kLogBytesKeptMax);
    const JoinedLog log = tail.join(incident());
    EXPECT_EQ(log.lines.size(), kLogLinesMax);
    EXPECT_GT(log.skipped_bytes, 7'000'000U + 100'000'000U - kLogBytesKeptMax);
    tail.forget_before(kFailed + 10'000 * kMs);
    EXPECT_EQ(tail.size_bytes(), 0U);
}

/// Ten thousand requests a second, each a line of an access log, and the incident is told a second later.
TEST(LogTail, TheFailuresOwnLinesOutliveABusyLog) {
    LogTail tail;
    constexpr std::uint64_t kEveryNs = kMs / 10;
    const std::string request(120, 'r');
    for (Ktime at = kFailed - 1000 * kMs; at < kFailed + kLogAfterNs; at = at + kEveryNs) {
        if (at == kFailed) tail.add(line_at(kFailed + 1, "worker gives up"));
        tail.add(line_at(at + (at < kFailed ? 0 : 1), request));
    }
    const JoinedLog log = tail.join(incident());
    const Texts texts = texts_of(log);
    EXPECT_NE(std::find(texts.begin(), texts.end(), "worker gives up"), texts.end());
    EXPECT_EQ(log.skipped_bytes, 0U);
    EXPECT_LE(log.lines.back().at.ns - log.lines.front().at.ns, 3 * kMs);
}

TEST(LogTail, WhatWasPassedOverAtAnotherTimeIsNotCountedHere) {
    LogTail tail;
    tail.skip(kFailed - 3000 * kMs, 1000);
    tail.skip(kFailed, 10);
    EXPECT_EQ(tail.join(incident()).skipped_bytes, 10U);
}

}  // namespace
}  // namespace pipetrace
