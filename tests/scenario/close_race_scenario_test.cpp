// The write had left before the peer's FIN arrived: nothing was sent in CLOSE_WAIT.
#include "scenario.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace pipetrace::testing {
namespace {

Story crossing_write(Hooks hooks) {
    Story story(hooks);
    return story.connected()
        .wait_ms(30)
        .sent(5, false)
        .peer_closed()
        .peer_kernel_answers(kResetTimeWait)
        .reset_received()
        .wait_us(50)
        .write_meets_sigpipe(kSendto, Stance::kIgnored);
}

const auto race = scenario("close_race", {Cause::kCloseRace}, [] { return crossing_write({}); });
const auto race_few_hooks =
    scenario("close_race_few_hooks", {Cause::kCloseRace}, [] { return crossing_write(kFewHooks); });

/// A client that does not read, as over redis's output limit: the FIN waits for room in its window.
Story unread_client(Hooks hooks) {
    Story story(hooks);
    return story.connected()
        .received(500'000)
        .wait_ms(200)
        .peer_closed_behind_full_window()
        .wait_ms(130)
        .sent(6, false)
        .peer_kernel_answers(kResetAbortOnData)
        .reset_received()
        .wait_ms(200)
        .call_fails(kSendto, ECONNRESET);
}

const auto full_window =
    scenario("close_race_full_window", {Cause::kCloseRace}, [] { return unread_client({}); });

/// A proxy whose pooled connection the server closes as a request leaves: it reads the FIN and closes at
/// once.
Story closed_at_once(Hooks hooks) {
    Story story(hooks);
    story.connected().sent(49, true).received(40).wait_ms(50).sent(49, false).peer_closed().closed_by(
        kClient);
    return story.peer_kernel_answers(kResetAbortOnData).reset_received().wait_us(20).destroyed();
}

const auto closed_too =
    scenario("close_race_closed_too", {Cause::kCloseRace}, [] { return closed_at_once({}); });
const auto closed_too_few_hooks = scenario("close_race_closed_too_few_hooks", {Cause::kCloseRace},
                                           [] { return closed_at_once(kFewHooks); });

TEST(CloseRace, IsKnownAlsoWhereThisEndHasClosedWhenTheRstComes) {
    for (const auto& story : {closed_too, closed_too_few_hooks}) {
        const Told told = play_to_one_incident(story());
        EXPECT_EQ(told.incident.rst->state, TcpState::kLastAck);
        EXPECT_EQ(told.incident.verdict.cause, Cause::kCloseRace);
        EXPECT_EQ(told.incident.verdict.confidence, Confidence::kCertain);
        EXPECT_EQ(told.incident.first_close, FirstClose::kPeer);
        EXPECT_NE(rejected_because(told, Cause::kWriteAfterPeerClose), "");
        EXPECT_NE(told.incident.verdict.summary.find("No program was told"), std::string::npos);
    }
}

/// Its FIN is lost on the way, or slow; nothing waits to be read.
const auto late_fin = scenario("close_race_late_fin", {Cause::kCloseRace}, [] {
    Story story;
    story.connected().sent(49, true).received(40).wait_ms(50).peer_closed_but_fin_lost().wait_ms(30);
    story.sent(49, false).peer_kernel_answers(kResetAbortOnData).reset_received();
    return story.call_fails(kRecvfrom, ECONNRESET);
});

TEST(CloseRace, BlamesNoSlowReaderForAFinThatWasUnderWay) {
    const Verdict verdict = play_to_one_incident(late_fin()).incident.verdict;
    EXPECT_EQ(verdict.confidence, Confidence::kCertain);
    EXPECT_NE(verdict.summary.find("before its FIN had come"), std::string::npos);
    EXPECT_EQ(verdict.summary.find("nobody reads"), std::string::npos);
    EXPECT_NE(verdict.advice.find("Retry on a fresh connection"), std::string::npos);
}

TEST(CloseRace, IsAWriteThatNoFinPrecededAlthoughThePeerHadClosed) {
    const Told told = play_to_one_incident(full_window());
    EXPECT_EQ(told.incident.verdict.cause, Cause::kCloseRace);
    EXPECT_EQ(told.incident.verdict.confidence, Confidence::kCertain);
    EXPECT_EQ(told.incident.first_close, FirstClose::kPeer);
    EXPECT_NE(told.incident.verdict.summary.find("its FIN had not come through"), std::string::npos);
}

TEST(CloseRace, IsToldToWhoReadTheEndAndLeftBeforeTheRstCame) {
    Story story;
    story.connected().wait_ms(30).sent(5, false).peer_closed().wait_ms(50).closed_by(kClient).wait_ms(20);
    story.peer_kernel_answers(kResetTimeWait).wait_ms(50).reset_received().destroyed();
    const Told told = play_to_one_incident(story);
    EXPECT_EQ(told.incident.rst->state, TcpState::kLastAck);
    EXPECT_EQ(told.incident.verdict.cause, Cause::kCloseRace);
    EXPECT_EQ(told.incident.verdict.confidence, Confidence::kCertain);
    EXPECT_EQ(told.incident.first_close, FirstClose::kPeer);
    EXPECT_TRUE(told.incident.errors.empty());
}

TEST(CloseRace, IsNotClaimedOfARstThatAnswersNothing) {
    Story story;
    story.connected().received(500'000).wait_ms(200).peer_closed_behind_full_window().wait_ms(130);
    story.peer_kernel_answers(kResetAbortOnData).reset_received().call_fails(kRecvfrom, ECONNRESET);
    EXPECT_NE(play_to_one_incident(story).incident.verdict.cause, Cause::kCloseRace);
}

TEST(CloseRace, DiffersFromALateWriteByWhenTheDataLeft) {
    for (const auto& story : {race, race_few_hooks}) {
        const Told told = play_to_one_incident(story());
        EXPECT_EQ(told.incident.verdict.cause, Cause::kCloseRace);
        EXPECT_EQ(told.incident.verdict.confidence, Confidence::kCertain);
        EXPECT_EQ(told.incident.verdict.severity, Severity::kWarning);
        EXPECT_EQ(told.incident.first_close, FirstClose::kPeer);
        EXPECT_NE(rejected_because(told, Cause::kWriteAfterPeerClose), "");
    }
}

}  // namespace
}  // namespace pipetrace::testing
