// MPTCP: the program's socket is closed in order, and TCP's connection below it stands until both ends are done.
#include "scenario.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace pipetrace::testing {
namespace {

using Words = std::vector<std::string>;

/// What is sent after the close is taken without a word; a minute later the peer's kernel has waited enough.
Story kept_open(Hooks hooks, std::uint8_t signal = 0) {
    Story story(hooks);
    return story.connected()
        .sent(5, true)
        .peer_closes_above_tcp(signal)
        .wait_ms(1000)
        .sent(5, true)
        .wait_ms(59'000)
        .peer_kernel_gives_up()
        .subflow_reset()
        .error_handed_on(EPIPE)
        .wait_ms(2)
        .call_fails(kRecvfrom, EPIPE)
        .write_meets_sigpipe(kSendto, Stance::kIgnored)
        .closed_by(kClient)
        .destroyed(kClient);
}

constexpr Hooks kWithoutReasons{true, true, true, false, false};
constexpr std::uint8_t kKill = 9;

const auto gave_up = scenario("mptcp_gave_up", {Cause::kWriteAfterPeerClose}, [] { return kept_open({}); });
const auto gave_up_before_6_12 =
    scenario("mptcp_gave_up_before_6_12", {Cause::kWriteAfterPeerClose}, [] { return kept_open(kWithoutReasons); });
const auto peer_killed =
    scenario("mptcp_peer_killed", {Cause::kPeerProcessDied}, [] { return kept_open({}, kKill); });

TEST(Mptcp, PeerThatHadClosedInOrderThrewNothingAway) {
    for (const auto& story : {gave_up, gave_up_before_6_12}) {
        const Told told = play_to_one_incident(story());
        EXPECT_EQ(told.incident.verdict.cause, Cause::kWriteAfterPeerClose);
        EXPECT_EQ(told.incident.verdict.confidence, Confidence::kLikely);
        EXPECT_EQ(errors_of(told), (Words{"EPIPE recvfrom", "EPIPE sendto"})) << "the error is not the subflow's";
        EXPECT_EQ(told.incident.first_close, FirstClose::kPeer);
        ASSERT_TRUE(told.incident.peer);
        EXPECT_EQ(told.incident.peer->action, PeerAction::kClose);
        EXPECT_NE(told.incident.verdict.summary.find("60.002 s earlier"), std::string::npos)
            << told.incident.verdict.summary;
        EXPECT_NE(told.incident.verdict.summary.find("gave up waiting"), std::string::npos);
    }
}

/// The socket outlives it, as it may be joined by others; when none came it ends without an error.
const auto alone = scenario("mptcp_subflow_reset_alone", {Cause::kPeerReset}, [] {
    Story story;
    return story.with_a_distant_peer()
        .connected()
        .sent(5, true)
        .subflow_reset()
        .wait_ms(60'000)
        .call_fails(kRecvfrom, ENOTCONN)
        .write_meets_sigpipe(kSendto, Stance::kIgnored)
        .destroyed(kClient);
});

TEST(Mptcp, ErrorOfASubflowIsNotTheProgramsOwn) {
    const Told told = play_to_one_incident(alone());
    EXPECT_EQ(errors_of(told), (Words{"ENOTCONN recvfrom", "EPIPE sendto"})) << "nobody took ECONNRESET";
}

TEST(Mptcp, PeerThatWasKilledIsStillTheCause) {
    const Told told = play_to_one_incident(peer_killed());
    EXPECT_EQ(told.incident.verdict.cause, Cause::kPeerProcessDied);
    EXPECT_EQ(told.incident.verdict.confidence, Confidence::kCertain);
}

}  // namespace
}  // namespace pipetrace::testing
