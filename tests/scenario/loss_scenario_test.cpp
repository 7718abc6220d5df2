// One record of a story is lost. What it said is missing then, and nothing else takes its place.
#include "scenario.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace pipetrace::testing {
namespace {

/// The story as it is told where the first record with such a body is lost.
template <typename Body>
std::vector<Told> told_without(const Story& story) {
    std::vector<Arrival> arrivals = in_order(story);
    bool is_lost = false;
    for (Arrival& arrival : arrivals) {
        if (!is_lost && arrival.event != nullptr && std::holds_alternative<Body>(arrival.event->body)) {
            arrival.event = nullptr;
            is_lost = true;
        }
        arrival.lost = is_lost ? 1 : 0;
    }
    EXPECT_TRUE(is_lost);
    return play(story, arrivals);
}

template <typename Body>
Incident one_without(const Story& story) {
    const std::vector<Told> told = told_without<Body>(story);
    EXPECT_EQ(told.size(), 1U);
    if (told.empty()) return {};
    EXPECT_EQ(told.front().json["lost"], 1);
    EXPECT_NE(told.front().incident.verdict.confidence, Confidence::kCertain);
    return told.front().incident;
}

Story refused() {
    Story story;
    return story.connecting()
        .peer_kernel_answers(kResetNoSocket)
        .reset_received(0x14)
        .call_fails(kConnect, ECONNREFUSED);
}

Story written_after_close(Stance stance = Stance::kIgnored) {
    Story story;
    return story.connected()
        .peer_closed()
        .wait_ms(50)
        .sent(5, false)
        .peer_kernel_answers(kResetTimeWait)
        .reset_received()
        .write_meets_sigpipe(kSendto, stance)
        .destroyed(kClient);
}

TEST(LossScenario, ARefusalWithoutItsRstIsNotCalledIcmp) {
    const Incident incident = one_without<ResetReceived>(refused());
    EXPECT_EQ(incident.verdict.cause, Cause::kUnknown);
    EXPECT_NE(incident.verdict.summary.find("1 event was lost"), std::string::npos)
        << incident.verdict.summary;
}

TEST(LossScenario, AWriteThatCrossedTheFinIsNotBlamedOnItsWriter) {
    Story story;
    story.connected()
        .sent(5, false)
        .wait_us(20)
        .peer_closed()
        .peer_kernel_answers(kResetTimeWait)
        .reset_received();
    story.write_meets_sigpipe(kSendto, Stance::kIgnored);
    ASSERT_EQ(play_to_one_incident(story).incident.verdict.cause, Cause::kCloseRace);
    EXPECT_EQ(one_without<EndpointRemembered>(story).verdict.cause, Cause::kPeerReset);
}

TEST(LossScenario, AKilledReaderIsNotSaidToHaveClosed) {
    Story story;
    story.on_a_pipe().reader_gone(kServer, 9, true).write_meets_sigpipe(kWrite, Stance::kDefault);
    ASSERT_EQ(play_to_one_incident(story).incident.verdict.cause, Cause::kPipeReaderDied);
    EXPECT_EQ(one_without<OtherEndSeen>(story).verdict.cause, Cause::kUnknown);
}

TEST(LossScenario, AnOldConnectionsRstIsNotPutBeforeTheTrace) {
    Story story;
    story.with_a_distant_peer().connected_before_the_trace(TcpState::kCloseWait).wait_ms(50).sent(5, false);
    story.reset_received().write_meets_sigpipe(kSendto, Stance::kIgnored);
    EXPECT_EQ(one_without<ResetReceived>(story).verdict.cause, Cause::kUnknown);
}

TEST(LossScenario, ARstWhoseSenderMayBeLostIsNotForged) {
    Story story;
    story.connected().wait_ms(5).sent(5, false).peer_kernel_answers(kResetNoSocket).reset_received();
    story.call_fails(kRead, ECONNRESET);
    ASSERT_EQ(play_to_one_incident(story).incident.verdict.cause, Cause::kPeerReset);
    EXPECT_EQ(one_without<ResetSent>(story).verdict.cause, Cause::kPeerReset);
}

TEST(LossScenario, NoSignalIsClaimedWhereItsRecordMayBeLost) {
    const Incident incident = one_without<SigpipeGenerated>(written_after_close());
    EXPECT_EQ(incident.verdict.cause, Cause::kWriteAfterPeerClose);
    EXPECT_EQ(incident.verdict.confidence, Confidence::kLikely);
    EXPECT_FALSE(incident.sigpipe.has_value());
}

TEST(LossScenario, WhoMetItIsNotDeniedWhereThatRecordMayBeLost) {
    Story story;
    story.with_a_distant_peer().connected().wait_ms(5).sent(5, true).reset_received(0x14).call_fails(
        kRead, ECONNRESET);
    const Incident incident = one_without<CallFailed>(story);
    EXPECT_EQ(incident.verdict.cause, Cause::kPeerReset);
    EXPECT_EQ(incident.verdict.summary.find("No program was told"), std::string::npos)
        << incident.verdict.summary;
}

TEST(LossScenario, AnAbortersOwnSocketIsNoVictimWhereItsRstIsLost) {
    Story story;
    story.connected()
        .wait_ms(1)
        .peer_aborts(kResetState, 0, ClosePath::kLingerZero)
        .peer_socket_error_report(ECONNRESET);
    story.wait_ms(1).peer_destroyed();
    ASSERT_TRUE(play(story).empty());
    EXPECT_TRUE(told_without<EndpointRemembered>(story).empty());
    EXPECT_TRUE(told_without<ResetSent>(story).empty());
}

TEST(LossScenario, TheRecordThatComesTwiceCountsOnce) {
    const Story story = written_after_close();
    std::vector<Arrival> twice;
    for (const Arrival& arrival : in_order(story)) twice.insert(twice.end(), 2, arrival);
    const std::vector<Told> told = play(story, twice);
    ASSERT_EQ(told.size(), 1U);
    EXPECT_EQ(told.front().json, play_to_one_incident(story).json);
}

}  // namespace
}  // namespace pipetrace::testing
