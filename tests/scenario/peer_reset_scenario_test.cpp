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
}

}  // namespace
}  // namespace pipetrace::testing
