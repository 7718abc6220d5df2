// RSTs that neither end sent: a packet filter here, a forger, a device that had forgotten the connection.
#include "scenario.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace pipetrace::testing {
namespace {

bool says(const Told& told, const char* words) {
    return told.incident.verdict.summary.find(words) != std::string::npos;
}

/// A distant peer, 30 ms away, with some traffic behind it.
Story distant(Hooks hooks = {}) {
    Story story(hooks);
    return story.with_a_distant_peer().connected().round_trip_us(30'000).sent(100, true).received(40);
}

// --- a packet filter ---

const auto rejected_data = scenario("filter_rejects_data", {Cause::kFirewallReset}, [] {
    return distant().wait_ms(10).sent(5, false).filter_drops(1).reset_received().call_fails(kRecvfrom, ECONNRESET);
});
const auto rejected_here = scenario("filter_rejects_data_to_this_host", {Cause::kFirewallReset}, [] {
    Story story;
    return story.connected().sent(100, true).wait_ms(10).sent(5, false).filter_drops(1).reset_received().call_fails(
        kRecvfrom, ECONNRESET);
});
const auto rejected_syn = scenario("filter_rejects_syn", {Cause::kFirewallReset}, [] {
    Story story;
    return story.with_a_distant_peer().connecting().filter_drops(1).reset_received(0x14).connect_gives_up();
});
/// A rule that had dropped a packet long before has nothing to do with this RST.
const auto dropped_long_ago = scenario("filter_dropped_long_ago", {Cause::kPeerReset}, [] {
    return distant().filter_drops(1).wait_ms(5000).reset_received(0x14).call_fails(kRecvfrom, ECONNRESET);
});

TEST(FirewallReset, IsNamedWhereTheFilterDroppedWhatTheRstAnswers) {
    for (const auto& story : {rejected_data, rejected_here, rejected_syn}) {
        const Told told = play_to_one_incident(story());
        EXPECT_EQ(told.incident.verdict.cause, Cause::kFirewallReset);
        EXPECT_EQ(told.incident.verdict.confidence, Confidence::kCertain);
        EXPECT_TRUE(says(told, "packet filter on this host"));
    }
}

TEST(FirewallReset, IsNotBlamedForADropLongBefore) {
    const Told told = play_to_one_incident(dropped_long_ago());
    EXPECT_EQ(told.incident.verdict.cause, Cause::kPeerReset);
    EXPECT_NE(rejected_because(told, Cause::kFirewallReset), "");
}

// --- forged ---

const auto other_ttl = scenario("forged_other_ttl", {Cause::kForgedReset}, [] {
    return distant().wait_ms(40).reset_received(RstPacket{0, 120, 52, 0x04, 0}).call_fails(kRecvfrom, ECONNRESET);
});
const auto data_after = scenario("forged_data_after", {Cause::kForgedReset}, [] {
    return distant()
        .sent(517, false)
        .wait_ms(7)
        .reset_received()
        .call_fails(kRecvfrom, ECONNRESET)
        .wait_ms(23)
        .rst_answers_late_data();
});
const auto reconnects = scenario("syn_after_a_reset", {Cause::kPeerReset}, [] {
    return distant().wait_ms(5).reset_received(0x14).call_fails(kRecvfrom, ECONNRESET).wait_ms(40).rst_answers_late_data(
        0x02);
});
const auto alive_here = scenario("forged_peer_alive_here", {Cause::kForgedReset}, [] {
    Story story;
    return story.connected().sent(100, true).wait_ms(5).reset_received().call_fails(kRecvfrom, ECONNRESET);
});
const auto unseen_packet = scenario("other_ttl_unseen", {Cause::kPeerReset}, [] {
    return distant(kFewHooks).wait_ms(40).reset_received(RstPacket{0, 120, 52, 0x04, 0}).error_taken_unseen().destroyed(
        kClient);
});

TEST(ForgedReset, ComparesTheTtlWithTheHandshakes) {
    const Told told = play_to_one_incident(other_ttl());
    EXPECT_EQ(told.incident.verdict.cause, Cause::kForgedReset);
    EXPECT_EQ(told.incident.verdict.confidence, Confidence::kLikely);
    EXPECT_TRUE(says(told, "its TTL is 120, the handshake's was 52")) << told.incident.verdict.summary;
    EXPECT_EQ(play_to_one_incident(unseen_packet()).incident.verdict.cause, Cause::kPeerReset)
        << "what no hook showed is no evidence";
}

TEST(ForgedReset, NoticesRealDataAfterIt) {
    const Told told = play_to_one_incident(data_after());
    EXPECT_EQ(told.incident.verdict.cause, Cause::kForgedReset);
    EXPECT_TRUE(says(told, "with a round trip of 30.0 ms")) << told.incident.verdict.summary;
    EXPECT_TRUE(says(told, "the peer went on sending after it"));
}

TEST(ForgedReset, TakesNoNewConnectionForDataOfTheOld) {
    EXPECT_EQ(play_to_one_incident(reconnects()).incident.verdict.cause, Cause::kPeerReset);
}

TEST(ForgedReset, IsCertainWhereThePeerIsHereAndItsKernelSentNone) {
    const Told told = play_to_one_incident(alive_here());
    EXPECT_EQ(told.incident.verdict.cause, Cause::kForgedReset);
    EXPECT_EQ(told.incident.verdict.confidence, Confidence::kCertain);
    EXPECT_EQ(told.incident.peer->action, PeerAction::kNone);
    EXPECT_EQ(told.incident.first_close, FirstClose::kNone);
}

// --- forgotten ---

const auto forgotten = scenario("idle_connection", {Cause::kIdleConnectionReset}, [] {
    return distant().wait_ms(300'000).sent(5, false).wait_ms(31).reset_received().call_fails(kRecvfrom, ECONNRESET);
});
const auto late_rst = scenario("idle_then_late_rst", {Cause::kPeerReset}, [] {
    return distant().wait_ms(300'000).sent(5, false).wait_ms(900).reset_received().call_fails(kRecvfrom, ECONNRESET);
});
const auto busy = scenario("reset_of_a_busy_connection", {Cause::kPeerReset}, [] {
    return distant().wait_ms(200).sent(5, false).wait_ms(31).reset_received().call_fails(kRecvfrom, ECONNRESET);
});

TEST(IdleConnectionReset, NeedsASilenceAndAPromptAnswer) {
    const Told told = play_to_one_incident(forgotten());
    EXPECT_EQ(told.incident.verdict.cause, Cause::kIdleConnectionReset);
    EXPECT_EQ(told.incident.verdict.confidence, Confidence::kLikely);
    EXPECT_NEAR(static_cast<double>(told.incident.endpoint.idle_us.value_or(0)), 300e6, 1e6);
    EXPECT_TRUE(says(told, "silent for 5 min")) << told.incident.verdict.summary;
    EXPECT_FALSE(told.incident.peer);
    for (const auto& story : {late_rst, busy}) {
        EXPECT_EQ(play_to_one_incident(story()).incident.verdict.cause, Cause::kPeerReset);
    }
}

}  // namespace
}  // namespace pipetrace::testing
