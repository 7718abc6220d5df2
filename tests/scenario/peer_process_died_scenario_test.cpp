// The peer's process was killed with the connection open, whatever its kernel sent then.
#include "scenario.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <csignal>

namespace pipetrace::testing {
namespace {

/// Row o: data lay unread, so its kernel reset.
const auto with_unread_data = scenario("peer_process_died_reset", {Cause::kPeerProcessDied}, [] {
    Story story;
    return story.connected()
        .sent(100, true)
        .wait_ms(10)
        .peer_aborts(kResetAbortOnClose, 100, ClosePath::kClose, 9)
        .reset_received(0x14)
        .wait_ms(1)
        .call_fails(kRecvfrom, ECONNRESET);
});

/// Row o2: nothing unread, so a FIN, and a RST for the next write.
Story closed_by_exit(std::uint8_t signal) {
    Story story;
    return story.connected()
        .wait_ms(10)
        .peer_exited_with_signal(signal)
        .wait_ms(10)
        .sent(5, false)
        .peer_kernel_answers(kResetTimeWait)
        .reset_received()
        .write_meets_sigpipe(kWrite, Stance::kIgnored);
}
const auto with_fin =
    scenario("peer_process_died_fin", {Cause::kPeerProcessDied}, [] { return closed_by_exit(11); });
const auto ordinary_exit =
    scenario("write_after_peer_exit", {Cause::kWriteAfterPeerClose}, [] { return closed_by_exit(0); });

TEST(PeerProcessDied, ComesBeforeWhatItsKernelSent) {
    for (const auto& [story, signal] : {std::pair(with_unread_data, 9), std::pair(with_fin, 11)}) {
        const Told told = play_to_one_incident(story());
        EXPECT_EQ(told.incident.verdict.cause, Cause::kPeerProcessDied);
        EXPECT_EQ(told.incident.verdict.confidence, Confidence::kCertain);
        ASSERT_TRUE(told.incident.peer);
        EXPECT_EQ(told.incident.peer->action, PeerAction::kKilled);
        EXPECT_EQ(told.incident.peer->killed_by_signal, signal);
    }
    const Told killed = play_to_one_incident(with_unread_data());
    EXPECT_NE(killed.incident.verdict.summary.find("SIGKILL"), std::string::npos);
    EXPECT_NE(rejected_because(killed, Cause::kPeerClosedUnreadData), "");
}

/// As psql, whose poll and read say only that the connection has ended.
TEST(PeerProcessDied, SaysOnceThatNobodyWasTold) {
    Story story;
    story.connected().wait_ms(10).peer_exited_with_signal(9).wait_ms(300).sent(13, false);
    story.peer_kernel_answers(kResetTimeWait).reset_received().wait_ms(1).destroyed(kClient);
    const std::string summary = play_to_one_incident(story).incident.verdict.summary;
    EXPECT_EQ(summary.find("told nothing"), std::string::npos) << summary;
    EXPECT_EQ(summary.find(" told "), summary.rfind(" told ")) << summary;
}

TEST(PeerProcessDied, OrdinaryExitIsAClose) {
    const Told told = play_to_one_incident(ordinary_exit());
    EXPECT_EQ(told.incident.verdict.cause, Cause::kWriteAfterPeerClose);
    ASSERT_TRUE(told.incident.peer);
    EXPECT_EQ(told.incident.peer->action, PeerAction::kExit);
    EXPECT_NE(told.incident.verdict.summary.find("server[4240] had exited"), std::string::npos)
        << told.incident.verdict.summary;
}

TEST(PeerProcessDied, AdviceFitsTheSignal) {
    const auto advice_at = [](std::uint8_t signal) {
        Story story;
        story.connected().wait_ms(10).peer_exited_with_signal(signal).wait_ms(300).sent(13, false);
        story.peer_kernel_answers(kResetTimeWait).reset_received().write_meets_sigpipe(kSendto, Stance::kIgnored);
        return play_to_one_incident(story).incident.verdict.advice;
    };
    EXPECT_NE(advice_at(SIGINT).find("Ctrl-C"), std::string::npos);
    EXPECT_NE(advice_at(SIGHUP).find("session"), std::string::npos);
    EXPECT_NE(advice_at(SIGTERM).find("asked server[4240] to stop"), std::string::npos);
    EXPECT_NE(advice_at(SIGSEGV).find("crashed"), std::string::npos);
    EXPECT_NE(advice_at(SIGKILL).find("OOM killer"), std::string::npos);
}

}  // namespace
}  // namespace pipetrace::testing
