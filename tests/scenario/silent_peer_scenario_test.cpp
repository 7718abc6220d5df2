// Connections that end without a RST: the peer falls silent, ICMP, or somebody destroys the socket.
#include "scenario.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace pipetrace::testing {
namespace {

using Words = std::vector<std::string>;

constexpr Person kKiller{4999, "ss"};

bool says(const Told& told, const char* words) {
    return told.incident.verdict.summary.find(words) != std::string::npos;
}

Story distant() {
    Story story;
    return story.with_a_distant_peer().connected().round_trip_us(30'000).sent(100, true).received(40);
}

TcpFacts timers(std::uint8_t timeouts, std::uint8_t probes, bool keepalive = false, std::uint32_t user_ms = 0) {
    TcpFacts facts;
    facts.timeouts = timeouts;
    facts.probes_out = probes;
    facts.keepalive = keepalive;
    facts.user_timeout_ms = user_ms;
    return facts;
}

const auto lost_data = scenario("data_never_acknowledged", {Cause::kRetransmissionTimeout}, [] {
    return distant().wait_ms(5).sent(20, false).wait_ms(9'000).times_out(timers(15, 0)).call_fails(kRecvfrom, ETIMEDOUT);
});
const auto filtered_data = scenario("data_dropped_by_a_filter", {Cause::kRetransmissionTimeout}, [] {
    return distant()
        .sent(20, false)
        .filter_drops(15)
        .wait_ms(9'000)
        .times_out(timers(15, 0))
        .call_fails(kRecvfrom, ETIMEDOUT);
});
/// Probes, and then the kernel's own last RST: two records of drops.
const auto filtered_probes = scenario("probes_dropped_by_a_filter", {Cause::kKeepaliveTimeout}, [] {
    return distant()
        .filter_drops(2)
        .wait_ms(90'000)
        .times_out(timers(0, 2, true))
        .filter_drops(1)
        .call_fails(kRecvfrom, ETIMEDOUT);
});
const auto lost_syn = scenario("syn_never_answered", {Cause::kRetransmissionTimeout}, [] {
    Story story;
    return story.with_a_distant_peer().connecting().wait_ms(7'000).times_out(timers(6, 0)).connect_gives_up();
});
/// TCP_USER_TIMEOUT had been set, and was far from passed: tcp_syn_retries ended it.
const auto lost_syn_in_time = scenario("syn_never_answered_in_time", {Cause::kRetransmissionTimeout}, [] {
    Story story;
    return story.with_a_distant_peer()
        .connecting()
        .wait_ms(7'000)
        .times_out(timers(6, 0, false, 600'000))
        .connect_gives_up();
});
const auto lost_syn_limited = scenario("syn_user_timeout", {Cause::kUserTimeout}, [] {
    Story story;
    return story.with_a_distant_peer()
        .connecting()
        .wait_ms(7'000)
        .times_out(timers(3, 0, false, 6'000))
        .connect_gives_up();
});
/// The window is closed; which of the two limits passed is not certain.
const auto probes_limited = scenario("probes_or_user_timeout", {Cause::kUserTimeout}, [] {
    TcpFacts probed = timers(0, 2, false, 60'000);
    probed.unsent_bytes = 100;
    return distant().wait_ms(9'000).received(1).wait_ms(9'000).times_out(probed).call_fails(kSendto, ETIMEDOUT);
});
const auto limited = scenario("user_timeout", {Cause::kUserTimeout}, [] {
    return distant().sent(20, false).wait_ms(2'600).times_out(timers(3, 0, false, 2500)).call_fails(kSendto, ETIMEDOUT);
});
const auto limited_idle = scenario("user_timeout_by_keepalive", {Cause::kUserTimeout}, [] {
    return distant().wait_ms(9'000).times_out(timers(0, 3, true, 2500)).call_fails(kRecvfrom, ETIMEDOUT);
});
const auto unanswered_probes = scenario("keepalive_timeout", {Cause::kKeepaliveTimeout}, [] {
    return distant().wait_ms(90'000).times_out(timers(0, 9, true)).call_fails(kRecvfrom, ETIMEDOUT);
});
const auto last_packet = scenario("keepalive_ends_with_a_rst", {Cause::kKeepaliveTimeout}, [] {
    return distant()
        .wait_ms(90'000)
        .own_kernel_sends_rst(kResetKeepaliveTimeout)
        .times_out(timers(0, 9, true))
        .wait_ms(5)
        .closed_by(kClient)
        .destroyed(kClient);
});
const auto never_looked = scenario("timeout_that_nobody_took", {Cause::kKeepaliveTimeout}, [] {
    return distant().wait_ms(90'000).times_out(timers(0, 9, true)).wait_ms(5).closed_by(kClient).destroyed(kClient);
});
const auto no_route = scenario("icmp_host_unreachable", {Cause::kUnreachable}, [] {
    Story story;
    return story.with_a_distant_peer().connecting().wait_ms(3).network_reports(EHOSTUNREACH).connect_gives_up();
});
const auto no_port = scenario("icmp_port_unreachable", {Cause::kUnreachable}, [] {
    Story story;
    return story.with_a_distant_peer().connecting().wait_ms(3).network_reports(ECONNREFUSED).connect_gives_up();
});
const auto soft_error = scenario("icmp_then_timeout", {Cause::kUnreachable}, [] {
    return distant().sent(20, false).wait_ms(9'000).network_reports(EHOSTUNREACH).call_fails(kRecvfrom, EHOSTUNREACH);
});
/// ICMPv6 "prohibited", which healthy calls return as well: which call took it is not seen.
const auto prohibited = scenario("icmp_prohibited_taken_unseen", {Cause::kUnreachable}, [] {
    return distant()
        .sent(20, false)
        .network_reports(EACCES)
        .error_taken_unseen()
        .wait_ms(5)
        .closed_by(kClient)
        .destroyed(kClient);
});
/// A socket that asks for ICMP errors (IP_RECVERR) outlives them.
const auto outlived = scenario("icmp_then_reset", {Cause::kPeerReset}, [] {
    return distant()
        .sent(20, false)
        .network_warns(EHOSTUNREACH)
        .call_fails(kRecvfrom, EHOSTUNREACH)
        .wait_ms(500)
        .reset_received(0x14)
        .wait_ms(1)
        .call_fails(kRecvfrom, ECONNRESET);
});
const auto destroyed = scenario("socket_destroyed", {Cause::kLocalAbort}, [] {
    return distant()
        .wait_ms(500)
        .destroyed_by_ss(kKiller)
        .wait_ms(1)
        .call_fails(kRecvfrom, ECONNABORTED)
        .write_meets_sigpipe(kSendto, Stance::kIgnored);
});

/// Who accepted it is not known in every mode.
const auto destroyed_of_nobody_known = scenario("socket_destroyed_of_unknown_holder", {Cause::kLocalAbort}, [] {
    Story story;
    return story.with_a_distant_peer()
        .held_by(Person{})
        .connected()
        .wait_ms(500)
        .destroyed_by_ss(kKiller)
        .error_taken_unseen()
        .wait_ms(1)
        .destroyed();
});
const auto destroyed_on_5_10 = scenario("socket_destroyed_error_first", {Cause::kLocalAbort}, [] {
    return distant().wait_ms(500).destroyed_by_ss(kKiller, true).wait_ms(1).call_fails(kRecvfrom, ECONNABORTED);
});
const auto destroyed_unnoticed = scenario("socket_destroyed_unnoticed", {Cause::kLocalAbort}, [] {
    return distant().wait_ms(500).destroyed_by_ss(kKiller).wait_ms(1).closed_by(kClient).destroyed(kClient);
});

TEST(RetransmissionTimeout, TellsWhatWasNeverAcknowledged) {
    const Told told = play_to_one_incident(lost_data());
    EXPECT_EQ(told.incident.verdict.cause, Cause::kRetransmissionTimeout);
    EXPECT_EQ(told.incident.verdict.confidence, Confidence::kCertain);
    EXPECT_TRUE(says(told, "20 bytes")) << told.incident.verdict.summary;
    EXPECT_EQ(told.incident.first_close, FirstClose::kNone);
    EXPECT_FALSE(told.incident.rst);
    EXPECT_EQ(errors_of(told), Words{"ETIMEDOUT recvfrom"});
}

TEST(RetransmissionTimeout, NamesTheFilterThatDroppedTheData) {
    const Told told = play_to_one_incident(filtered_data());
    EXPECT_TRUE(says(told, "packet filter on this host dropped 15")) << told.incident.verdict.summary;
    EXPECT_NE(std::ranges::count(evidence_of(told), "network:packet_filtered"), 0);
    const Told probed = play_to_one_incident(filtered_probes());
    EXPECT_TRUE(says(probed, "dropped 3")) << probed.incident.verdict.summary;
}

TEST(RetransmissionTimeout, CountsUnansweredSyns) {
    const Told told = play_to_one_incident(lost_syn());
    EXPECT_EQ(told.incident.verdict.cause, Cause::kRetransmissionTimeout);
    EXPECT_TRUE(says(told, "SYN of client[4242] was sent 7 times")) << told.incident.verdict.summary;
    EXPECT_EQ(errors_of(told), Words{"ETIMEDOUT connect"});
}

TEST(UserTimeout, IsNotToBlameForSynsThatRanOutBeforeIt) {
    const Told told = play_to_one_incident(lost_syn_in_time());
    EXPECT_EQ(told.incident.verdict.cause, Cause::kRetransmissionTimeout);
    EXPECT_EQ(told.incident.verdict.confidence, Confidence::kCertain);
    const Told limited_syn = play_to_one_incident(lost_syn_limited());
    EXPECT_EQ(limited_syn.incident.verdict.cause, Cause::kUserTimeout);
    EXPECT_EQ(limited_syn.incident.verdict.confidence, Confidence::kCertain);
}

TEST(UserTimeout, IsLikelyWhereProbesMayHaveRunOut) {
    const Told told = play_to_one_incident(probes_limited());
    EXPECT_EQ(told.incident.verdict.cause, Cause::kUserTimeout);
    EXPECT_EQ(told.incident.verdict.confidence, Confidence::kLikely);
}

TEST(UserTimeout, IsTheLimitInForceInEveryTimer) {
    for (const auto& story : {limited, limited_idle}) {
        const Told told = play_to_one_incident(story());
        EXPECT_EQ(told.incident.verdict.cause, Cause::kUserTimeout);
        EXPECT_TRUE(says(told, "2.500 s")) << told.incident.verdict.summary;
    }
}

TEST(KeepaliveTimeout, CountsProbesEvenIfNobodyLooked) {
    const Told told = play_to_one_incident(unanswered_probes());
    EXPECT_EQ(told.incident.verdict.cause, Cause::kKeepaliveTimeout);
    EXPECT_TRUE(says(told, "answered none of 9 keepalive probes")) << told.incident.verdict.summary;
    const Told silent = play_to_one_incident(never_looked());
    EXPECT_TRUE(silent.incident.errors.empty());
    EXPECT_TRUE(says(silent, "No program was told")) << silent.incident.verdict.summary;
}

/// The kernel sends it, not the program: nobody threw the connection away.
TEST(KeepaliveTimeout, OwnsTheRstThatEndsIt) {
    const Told told = play_to_one_incident(last_packet());
    EXPECT_EQ(told.incident.role, Role::kVictim);
    EXPECT_EQ(told.incident.verdict.cause, Cause::kKeepaliveTimeout);
    EXPECT_FALSE(told.incident.rst);
    EXPECT_EQ(told.incident.first_close, FirstClose::kNone);
    EXPECT_EQ(timeline_of(told), (Words{"local:connected", "local:rst_sent", "network:error_raised"}));
}

TEST(Unreachable, WhateverTheErrno) {
    for (const auto& story : {no_route, no_port, soft_error}) {
        const Told told = play_to_one_incident(story());
        EXPECT_EQ(told.incident.verdict.cause, Cause::kUnreachable);
        EXPECT_EQ(told.incident.verdict.confidence, Confidence::kCertain);
        EXPECT_FALSE(told.incident.rst);
    }
    EXPECT_EQ(errors_of(play_to_one_incident(no_port())), Words{"ECONNREFUSED connect"});
}

TEST(Unreachable, IsOverWhereTheConnectionOutlivedIt) {
    const Told told = play_to_one_incident(outlived());
    EXPECT_EQ(told.incident.verdict.cause, Cause::kPeerReset);
    EXPECT_EQ(errors_of(told), (Words{"EHOSTUNREACH recvfrom", "ECONNRESET recvfrom"}));
}

TEST(Unreachable, DoesNotGuessWhoTookAnErrorThatCallsDoNotShow) {
    const Told told = play_to_one_incident(prohibited());
    ASSERT_EQ(told.incident.errors.size(), 1U);
    EXPECT_TRUE(told.incident.errors.front().inferred);
    EXPECT_FALSE(told.incident.errors.front().syscall);
    EXPECT_FALSE(says(told, "No program was told")) << told.incident.verdict.summary;
}

TEST(LocalAbort, BlamesNobodyWhereTheHolderIsNotKnown) {
    const Told told = play_to_one_incident(destroyed_of_nobody_known());
    EXPECT_EQ(told.incident.verdict.cause, Cause::kLocalAbort);
    EXPECT_FALSE(told.incident.process.tgid) << "the destroyer does not hold it";
}

TEST(LocalAbort, NamesWhoDestroyedTheSocket) {
    const Told told = play_to_one_incident(destroyed());
    EXPECT_EQ(told.incident.verdict.cause, Cause::kLocalAbort);
    EXPECT_EQ(told.incident.verdict.confidence, Confidence::kCertain);
    EXPECT_EQ(told.incident.verdict.severity, Severity::kWarning);
    EXPECT_TRUE(says(told, "ss[4999] destroyed this socket of client")) << told.incident.verdict.summary;
    EXPECT_EQ(told.incident.first_close, FirstClose::kLocal);
    EXPECT_EQ(errors_of(told), (Words{"ECONNABORTED recvfrom", "EPIPE sendto"}));
}

TEST(LocalAbort, IsOneStoryInWhateverOrderTheKernelTellsIt) {
    for (const auto& story : {destroyed, destroyed_on_5_10, destroyed_unnoticed}) {
        const Told told = play_to_one_incident(story());
        EXPECT_EQ(told.incident.verdict.cause, Cause::kLocalAbort);
        EXPECT_EQ(told.incident.process.tgid, kClient.tgid);
        const Words timeline = timeline_of(told);
        EXPECT_EQ(std::ranges::count(timeline, "local:rst_sent"), 1);
        EXPECT_EQ(std::ranges::count(timeline, "network:error_raised"), 1);
    }
    EXPECT_TRUE(says(play_to_one_incident(destroyed_unnoticed()), "No program was told"));
}

TEST(Unreachable, IsNoMatterOfAFinThatComesLater) {
    Story story;
    story.with_a_distant_peer().connected().sent(10, false).network_warns(EHOSTUNREACH).call_fails(kSendto, EHOSTUNREACH);
    story.wait_ms(50).fin_received().wait_ms(50).closed_by(kClient);
    const Told told = play_to_one_incident(story.destroyed(kClient));
    EXPECT_EQ(told.incident.verdict.cause, Cause::kUnreachable);
    EXPECT_EQ(told.incident.first_close, FirstClose::kNone);
}

}  // namespace
}  // namespace pipetrace::testing
