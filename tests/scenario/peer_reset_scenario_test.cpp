// A RST from a peer that cannot be seen from here: no more than that is claimed.
#include "scenario.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace pipetrace::testing {
namespace {

const auto remote = scenario("peer_reset", {Cause::kPeerReset}, [] {
    Story story;
    return story.with_a_distant_peer()
        .connected()
        .sent(100, true)
        .wait_ms(80)
        .reset_received(0x14)
        .call_fails(kRecvfrom, ECONNRESET)
        .closed_by(kClient)
        .destroyed(kClient);
});

/// In CLOSE_WAIT a RST that bears an ACK is the peer's abort, not the answer to our data.
const auto aborted_after_fin = scenario("aborted_after_fin", {Cause::kWriteAfterPeerClose}, [] {
    Story story;
    return story.with_a_distant_peer()
        .connected()
        .fin_received()
        .wait_ms(10)
        .sent(5, false)
        .reset_received(0x14)
        .write_meets_sigpipe(kWrite, Stance::kIgnored);
});

/// The peer had closed one half only, took what was written after that, and then threw the rest away.
Story aborts_its_other_half(bool written_meanwhile, Hooks hooks) {
    Story story(hooks);
    story.with_a_distant_peer().connected().sent(5, true).fin_received().wait_ms(10);
    if (written_meanwhile) story.sent(5, true).wait_ms(10);
    return story.reset_received(0x14).write_meets_sigpipe(kWrite, Stance::kIgnored);
}

const auto other_half =
    scenario("other_half_aborted", {Cause::kPeerReset}, [] { return aborts_its_other_half(false, {}); });
const auto other_half_few_hooks = scenario("other_half_aborted_few_hooks", {Cause::kPeerReset},
                                           [] { return aborts_its_other_half(false, kFewHooks); });
const auto other_half_written_to = scenario("other_half_aborted_after_a_write", {Cause::kPeerReset},
                                            [] { return aborts_its_other_half(true, {}); });
const auto other_half_written_to_few_hooks =
    scenario("other_half_aborted_after_a_write_few_hooks", {Cause::kPeerReset},
             [] { return aborts_its_other_half(true, kFewHooks); });

TEST(PeerReset, OfAHalfClosedPeerAnswersNoWrite) {
    for (const auto& story :
         {other_half, other_half_few_hooks, other_half_written_to, other_half_written_to_few_hooks}) {
        const Told told = play_to_one_incident(story());
        EXPECT_EQ(told.incident.verdict.cause, Cause::kPeerReset);
        EXPECT_EQ(told.incident.verdict.confidence, Confidence::kLikely);
        EXPECT_NE(rejected_because(told, Cause::kCloseRace), "");
        EXPECT_NE(rejected_because(told, Cause::kWriteAfterPeerClose), "");
    }
}

TEST(PeerReset, NamesCandidatesAsRejectedRivals) {
    const Told told = play_to_one_incident(remote());
    EXPECT_EQ(told.incident.verdict.cause, Cause::kPeerReset);
    EXPECT_EQ(told.incident.verdict.confidence, Confidence::kLikely);
    EXPECT_FALSE(told.incident.peer) << "nobody may be named";
    for (const Cause rival : {Cause::kPeerClosedUnreadData, Cause::kPeerAbortiveClose,
                              Cause::kPeerProcessDied, Cause::kWriteAfterPeerClose}) {
        EXPECT_NE(rejected_because(told, rival), "") << cause_name(rival);
    }
    EXPECT_NE(told.incident.verdict.summary.find("198.51.100.7:443"), std::string::npos);
}

TEST(PeerReset, AbortAfterTheFinIsNotCertainToAnswerOurWrite) {
    const Told told = play_to_one_incident(aborted_after_fin());
    EXPECT_NE(told.incident.verdict.confidence, Confidence::kCertain);
    EXPECT_TRUE(told.incident.verdict.summary.starts_with("The peer ")) << told.incident.verdict.summary;
}

}  // namespace
}  // namespace pipetrace::testing
