// RSTs that neither end sent: a packet filter here, a forger, a device that had forgotten the connection.
#include "scenario.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>

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
/// The rule goes on rejecting long before the program looks: an early answer of ours, and what follows it.
const auto rejected_and_more = scenario("filter_rejects_and_goes_on", {Cause::kFirewallReset}, [] {
    Story story;
    return story.connected()
        .sent(100, true)
        .wait_ms(10)
        .filter_drops(1)
        .reset_received()
        .wait_ms(5000)
        .filter_drops(2)
        .call_fails(kRecvfrom, ECONNRESET);
});
/// A rule that had dropped a packet long before has nothing to do with this RST.
const auto dropped_long_ago = scenario("filter_dropped_long_ago", {Cause::kPeerReset}, [] {
    return distant().filter_drops(1).wait_ms(5000).reset_received(0x14).call_fails(kRecvfrom, ECONNRESET);
});

TEST(FirewallReset, IsNamedWhereTheFilterDroppedWhatTheRstAnswers) {
    for (const auto& story : {rejected_data, rejected_here, rejected_syn, rejected_and_more}) {
        const Told told = play_to_one_incident(story());
        EXPECT_EQ(told.incident.verdict.cause, Cause::kFirewallReset);
        EXPECT_EQ(told.incident.verdict.confidence, Confidence::kCertain);
        EXPECT_TRUE(says(told, "packet filter on this host"));
    }
}

/// The peer aborts just as a rule drops something.
const auto aborted_after_drop = scenario("filter_dropped_then_peer_aborts", {Cause::kPeerReset}, [] {
    return distant().sent(5, false).filter_drops(1).wait_ms(1).reset_received(0x14).call_fails(kRecvfrom,
                                                                                               ECONNRESET);
});
Story packet_unseen(std::uint64_t milliseconds) {
    Story story = distant(kFewHooks);
    return story.sent(5, false)
        .filter_drops(1)
        .wait_ms(milliseconds)
        .reset_received()
        .error_taken_unseen()
        .destroyed(kClient);
}
const auto unseen_at_once =
    scenario("filter_rejects_packet_unseen", {Cause::kFirewallReset}, [] { return packet_unseen(0); });
const auto unseen_later =
    scenario("filter_drops_packet_unseen", {Cause::kPeerReset}, [] { return packet_unseen(8); });
/// The FIN had come; what was written then was rejected here, and never reached who had closed.
const auto rejected_after_fin = scenario("filter_rejects_after_fin", {Cause::kFirewallReset}, [] {
    return distant()
        .fin_received()
        .wait_ms(10)
        .sent(5, false)
        .filter_drops(1)
        .reset_received()
        .write_meets_sigpipe(kSendto, Stance::kIgnored);
});

TEST(FirewallReset, IsNotThePeersOwnAbort) {
    const Told told = play_to_one_incident(aborted_after_drop());
    EXPECT_EQ(told.incident.verdict.cause, Cause::kPeerReset);
    EXPECT_NE(rejected_because(told, Cause::kFirewallReset).find("acknowledges"), std::string::npos);
}

TEST(FirewallReset, IsOnlyLikelyAndOnlyAtOnceWhereThePacketIsNotSeen) {
    const Told told = play_to_one_incident(unseen_at_once());
    EXPECT_EQ(told.incident.verdict.cause, Cause::kFirewallReset);
    EXPECT_EQ(told.incident.verdict.confidence, Confidence::kLikely);
    EXPECT_EQ(told.incident.first_close, std::nullopt);
    EXPECT_EQ(play_to_one_incident(unseen_later()).incident.verdict.cause, Cause::kPeerReset);
}

TEST(FirewallReset, DoesNotSayThatNeitherEndHadClosedWhereOneHad) {
    const Told told = play_to_one_incident(rejected_after_fin());
    EXPECT_EQ(told.incident.verdict.cause, Cause::kFirewallReset);
    EXPECT_EQ(told.incident.first_close, FirstClose::kPeer);
    EXPECT_FALSE(says(told, "neither end"));
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

/// What drew it had been lost before: when it was written is not known, nor which time the RST answers.
const auto lost_before = scenario("idle_then_sent_again", {Cause::kPeerReset}, [] {
    return distant()
        .wait_ms(300'000)
        .sent(5, false)
        .wait_ms(230)
        .sent_again()
        .wait_ms(10)
        .reset_received(RstPacket{7, 52, 52, 0x04, 0})
        .call_fails(kRecvfrom, ECONNRESET);
});
Story forgets(std::uint64_t idle_ms) {
    Story story;
    return story.connected()
        .sent(100, true)
        .peer_forgets()
        .peer_destroyed()
        .wait_ms(idle_ms)
        .sent(5, false)
        .peer_kernel_answers(kResetNoSocket)
        .reset_received()
        .call_fails(kRecvfrom, ECONNRESET);
}
const auto forgotten_here = scenario("idle_connection_forgotten_here", {Cause::kIdleConnectionReset},
                                     [] { return forgets(300'000); });
const auto forgotten_soon =
    scenario("busy_connection_forgotten_here", {Cause::kPeerReset}, [] { return forgets(500); });

TEST(IdleConnectionReset, IsNotToldOfWhatWasSentAgain) {
    const Told told = play_to_one_incident(lost_before());
    EXPECT_EQ(told.incident.verdict.cause, Cause::kPeerReset)
        << "the RST may answer the first time: not too soon";
    EXPECT_EQ(told.incident.endpoint.idle_us, std::nullopt);
    EXPECT_EQ(told.incident.rst->delay_us, std::nullopt);
    const auto& timeline = told.incident.timeline;
    EXPECT_TRUE(std::any_of(timeline.begin(), timeline.end(), [](const TimelineEntry& entry) {
        return entry.event == "data_sent" && entry.detail.contains("again");
    }));
}

TEST(IdleConnectionReset, IsCertainWhereThePeerWasSeenToForget) {
    const Told told = play_to_one_incident(forgotten_here());
    EXPECT_EQ(told.incident.verdict.cause, Cause::kIdleConnectionReset);
    EXPECT_EQ(told.incident.verdict.confidence, Confidence::kCertain);
    EXPECT_TRUE(says(told, "TCP_REPAIR")) << told.incident.verdict.summary;
    const Told soon = play_to_one_incident(forgotten_soon());
    EXPECT_EQ(soon.incident.verdict.cause, Cause::kPeerReset);
    EXPECT_EQ(soon.incident.verdict.confidence, Confidence::kCertain);
    EXPECT_TRUE(says(soon, "for want of a socket")) << soon.incident.verdict.summary;
}

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
