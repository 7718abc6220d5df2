// The program, or one that shares its socket, is at fault itself; no RST is part of it. And the
// stories whose beginning nobody saw.
#include "scenario.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace pipetrace::testing {
namespace {

using Words = std::vector<std::string>;

/// Row d.
Story write_after_shutdown(Person who) {
    Story story;
    return story.connected()
        .sent(100, true)
        .wait_ms(20)
        .shut_down_by(who)
        .wait_ms(20)
        .write_meets_sigpipe(kWrite, Stance::kDefault)
        .process_exits(13)
        .destroyed();
}
const auto by_itself =
    scenario("local_shutdown", {Cause::kLocalShutdown}, [] { return write_after_shutdown(kClient); });
const auto by_a_sharer = scenario("local_shutdown_by_sharer", {Cause::kLocalShutdown},
                                  [] { return write_after_shutdown(kChild); });

/// Row r, at the end that shut down both directions and goes on using the socket. Without the RST's packet
/// tcp_reset() may have run for one; with it, it is seen that it had not.
Story late_data_after_shutdown(Hooks hooks) {
    Story story(hooks);
    story.connected().sent(100, true).wait_ms(20).shut_down_by(kClient, kSendShutdown | kReceiveShutdown).wait_ms(5);
    if (hooks.packets_seen) {
        story.network_reports(ECONNRESET);
    } else {
        story.reset_without_rst();
    }
    return story.own_socket_answers_with_rst().wait_ms(5).call_fails(kRecvfrom, ECONNRESET);
}
const auto late_data_told = scenario("late_data_after_own_shutdown", {Cause::kLocalShutdown},
                                     [] { return late_data_after_shutdown({}); });
const auto late_data_in_doubt = scenario("late_data_after_own_shutdown_in_doubt", {Cause::kLocalShutdown},
                                         [] { return late_data_after_shutdown({true, true, false, true}); });

/// Row d2.
const auto never_connected = scenario("not_connected", {Cause::kNotConnected}, [] {
    Story story;
    return story.never_connected()
        .write_meets_sigpipe(kWrite, Stance::kIgnored)
        .wait_ms(5)
        .destroyed(kClient);
});

const auto dead_before_the_trace = scenario("write_after_error", {Cause::kWriteAfterError}, [] {
    Story story;
    return story.connected_before_the_trace(TcpState::kClose)
        .wait_ms(5)
        .write_meets_sigpipe(kWrite, Stance::kIgnored);
});

/// It had ended before, and the error waited on the socket: what raised it left no other trace.
const auto pending_before_the_trace = scenario("pending_error_before_the_trace", {Cause::kUnknown}, [] {
    Story story;
    return story.connected_before_the_trace(TcpState::kClose)
        .wait_ms(5)
        .call_fails(kRecvfrom, ECONNRESET)
        .wait_ms(1)
        .write_meets_sigpipe(kWrite, Stance::kIgnored);
});

/// The RST fell into a gap: only the failed write is left.
const auto nothing_seen = scenario("unknown", {Cause::kUnknown}, [] {
    Story story;
    return story.connected().wait_ms(5).call_fails(kRecvfrom, ECONNRESET);
});

TEST(LocalShutdown, ByItself) {
    const Told told = play_to_one_incident(by_itself());
    EXPECT_EQ(errors_of(told), Words{"EPIPE write"});
    EXPECT_EQ(told.incident.verdict.cause, Cause::kLocalShutdown);
    EXPECT_EQ(told.incident.verdict.confidence, Confidence::kCertain);
    EXPECT_EQ(told.incident.verdict.severity, Severity::kFault);
    EXPECT_EQ(told.incident.first_close, FirstClose::kLocal);
    EXPECT_EQ(told.incident.sigpipe, SigpipeFate::kKilled);
    EXPECT_FALSE(told.incident.rst);
    EXPECT_NE(told.incident.verdict.summary.find("client[4242] itself"), std::string::npos);
    EXPECT_EQ(evidence_of(told), (Words{"local:shut_down", "local:call_failed"}));
}

TEST(LocalShutdown, BySomebodyWhoSharesTheSocket) {
    const Told told = play_to_one_incident(by_a_sharer());
    EXPECT_EQ(told.incident.verdict.cause, Cause::kLocalShutdown);
    EXPECT_EQ(told.incident.process.tgid, 4242U);
    EXPECT_NE(told.incident.verdict.summary.find("worker[4300]"), std::string::npos);
}

TEST(LocalShutdown, IsWhatEndsItWhereThePeerSentOn) {
    for (const auto& story : {late_data_told, late_data_in_doubt}) {
        const Told told = play_to_one_incident(story());
        EXPECT_EQ(told.incident.verdict.cause, Cause::kLocalShutdown);
        EXPECT_EQ(told.incident.verdict.confidence, Confidence::kCertain);
        EXPECT_FALSE(told.incident.rst) << "none was received";
        EXPECT_EQ(told.incident.first_close, FirstClose::kLocal);
        EXPECT_NE(told.incident.verdict.summary.find("was told ECONNRESET from recvfrom"), std::string::npos);
    }
}

TEST(NotConnected, WriteOnASocketThatNeverWas) {
    const Told told = play_to_one_incident(never_connected());
    EXPECT_EQ(told.incident.verdict.cause, Cause::kNotConnected);
    EXPECT_EQ(told.incident.verdict.confidence, Confidence::kCertain);
    EXPECT_FALSE(told.incident.endpoint.remote);
    EXPECT_EQ(told.incident.first_close, FirstClose::kNone);
    EXPECT_FALSE(told.incident.peer);
}

TEST(WriteAfterError, ConnectionThatEndedBeforeTheTrace) {
    const Told told = play_to_one_incident(dead_before_the_trace());
    EXPECT_EQ(told.incident.verdict.cause, Cause::kWriteAfterError);
    EXPECT_EQ(told.incident.verdict.confidence, Confidence::kLikely);
    EXPECT_FALSE(told.incident.endpoint.age_us);
    EXPECT_FALSE(told.incident.first_close) << "whoever closed did so before the trace";
}

TEST(Unknown, IsWhatRaisedAnErrorThatWaitedOnTheSocket) {
    const Told told = play_to_one_incident(pending_before_the_trace());
    EXPECT_EQ(told.incident.verdict.cause, Cause::kUnknown);
    EXPECT_EQ(told.incident.verdict.confidence, Confidence::kUnknown);
    EXPECT_NE(told.incident.verdict.summary.find("older than the trace"), std::string::npos);
    EXPECT_EQ(errors_of(told), (Words{"ECONNRESET recvfrom", "EPIPE write"}));
}

TEST(Unknown, SaysWhichFactsAreMissingAndHowToGetThem) {
    const Told told = play_to_one_incident(nothing_seen());
    EXPECT_EQ(told.incident.verdict.cause, Cause::kUnknown);
    EXPECT_EQ(told.incident.verdict.confidence, Confidence::kUnknown);
    EXPECT_EQ(told.incident.verdict.severity, Severity::kWarning);
    EXPECT_NE(told.incident.verdict.summary.find("RST"), std::string::npos);
    EXPECT_NE(told.incident.verdict.advice, "");
    EXPECT_TRUE(told.incident.verdict.evidence.empty());
    EXPECT_FALSE(told.incident.first_close);
}

}  // namespace
}  // namespace pipetrace::testing
