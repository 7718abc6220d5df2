// This host sent the RST: why, who, and that it is told once, and not at all where the receiver is on this
// host.
#include "scenario.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace pipetrace::testing {
namespace {

constexpr std::uint8_t kSigkill = 9;
constexpr std::uint8_t kSyn = 0x02;

bool says(const Told& told, const char* words) {
    return told.incident.verdict.summary.find(words) != std::string::npos;
}

Story distant(Hooks hooks = {}) {
    Story story(hooks);
    return story.with_a_distant_peer();
}

// --- closed_with_unread_data ---

Story unread(Hooks hooks = {}, std::uint8_t signal = 0) {
    return distant(hooks).connected().sent(180, true).wait_ms(20).own_aborts(kResetAbortOnClose, 58'000,
                                                                             ClosePath::kClose, signal);
}
const auto closed_unread = scenario("origin_unread", {Cause::kClosedWithUnreadData}, [] { return unread(); });
const auto closed_unread_old =
    scenario("origin_unread_old_kernel", {Cause::kClosedWithUnreadData}, [] { return unread(kFewHooks); });
const auto killed_unread =
    scenario("origin_killed_unread", {Cause::kClosedWithUnreadData}, [] { return unread({}, kSigkill); });

TEST(OriginUnread, NamesWhoClosedAndHowMuchWasLost) {
    for (const auto& story : {closed_unread, closed_unread_old}) {
        const Told told = play_to_one_incident(story());
        EXPECT_EQ(told.incident.role, Role::kOrigin);
        EXPECT_EQ(told.incident.verdict.confidence, Confidence::kCertain);
        EXPECT_EQ(told.incident.process.tgid, kClient.tgid);
        EXPECT_EQ(told.incident.rst->state, TcpState::kEstablished);
        EXPECT_FALSE(told.incident.rst->received);
        EXPECT_EQ(told.incident.rst->seq, kOwnResetSeq);
        EXPECT_EQ(told.incident.first_close, FirstClose::kLocal);
        EXPECT_EQ(told.incident.endpoint.bytes_sent, 180U);
        EXPECT_FALSE(told.incident.peer);
        EXPECT_TRUE(told.incident.errors.empty());
        EXPECT_TRUE(says(told, "client[4242] closed the connection with 58000 bytes"));
        EXPECT_EQ(timeline_of(told),
                  (std::vector<std::string>{"local:connected", "local:closed", "local:rst_sent"}));
    }
}

TEST(OriginUnread, TellsThatTheProgramWasKilled) {
    EXPECT_TRUE(
        says(play_to_one_incident(killed_unread()), "client[4242] was killed by SIGKILL with 58000 bytes"));
}

// --- abortive_close ---

Story aborted(ClosePath path, Hooks hooks = {}) {
    return distant(hooks).connected().sent(180, true).received(40).wait_ms(20).own_aborts(kResetState, 0,
                                                                                          path);
}
const auto linger_zero =
    scenario("origin_linger0", {Cause::kAbortiveClose}, [] { return aborted(ClosePath::kLingerZero); });
const auto linger_zero_old = scenario("origin_linger0_old_kernel", {Cause::kAbortiveClose},
                                      [] { return aborted(ClosePath::kLingerZero, kFewHooks); });
const auto disconnected =
    scenario("origin_disconnect", {Cause::kAbortiveClose}, [] { return aborted(ClosePath::kDisconnect); });
const auto listener_closed =
    scenario("origin_listener", {Cause::kAbortiveClose}, [] { return aborted(ClosePath::kListener); });

TEST(OriginAbort, IsToldApartByItsPath) {
    EXPECT_TRUE(says(play_to_one_incident(linger_zero()), "SO_LINGER at a time of 0"));
    EXPECT_TRUE(says(play_to_one_incident(linger_zero_old()), "SO_LINGER at a time of 0"));
    EXPECT_TRUE(says(play_to_one_incident(disconnected()), "connect() to AF_UNSPEC"));
    EXPECT_TRUE(says(play_to_one_incident(listener_closed()), "closed its listener before it had accepted"));
    for (const auto& story : {linger_zero, linger_zero_old, disconnected, listener_closed}) {
        const Told told = play_to_one_incident(story());
        EXPECT_EQ(told.incident.verdict.confidence, Confidence::kCertain);
        EXPECT_EQ(told.incident.verdict.severity, Severity::kWarning);
    }
}

TEST(OriginAbort, OfAConnectionThatCarriedNothingIsAHealthCheckByWhoDialled) {
    const auto empty = [](Story story, ClosePath path) {
        return play_to_one_incident(story.wait_ms(1).own_aborts(kResetState, 0, path))
            .incident.verdict.severity;
    };
    EXPECT_EQ(empty(distant().connected(), ClosePath::kLingerZero), Severity::kBenign);
    EXPECT_EQ(empty(distant().accepted(), ClosePath::kLingerZero), Severity::kWarning);
    EXPECT_EQ(empty(distant().accepted(), ClosePath::kListener), Severity::kWarning);
}

// --- late_data_after_close ---

const auto late_time_wait = scenario("origin_late_time_wait", {Cause::kLateDataAfterClose}, [] {
    return distant().connected().sent(40, true).closed_by(kClient).wait_ms(7).own_kernel_answers(
        kResetTimeWait, 120);
});
const auto late_for_the_socket = scenario("origin_late_socket", {Cause::kLateDataAfterClose}, [] {
    return distant().connected().sent(40, true).closed_by(kClient).wait_ms(7).own_kernel_answers(
        kResetAbortOnData, 120);
});
const auto late_without_socket = scenario("origin_late_gone", {Cause::kLateDataAfterClose}, [] {
    return distant().connected().sent(40, true).closed_by(kClient).wait_ms(7).own_kernel_answers(
        kResetNoSocket, 120);
});
/// The kernel programs' table had no room for it any more.
const auto late_forgotten = scenario("origin_late_forgotten", {Cause::kLateDataAfterClose},
                                     [] { return distant().own_kernel_answers(kResetTimeWait, 120); });

TEST(OriginLateData, TellsHowLongAfterWhoseClose) {
    for (const auto& story : {late_time_wait, late_for_the_socket, late_without_socket}) {
        const Told told = play_to_one_incident(story());
        EXPECT_EQ(told.incident.verdict.severity, Severity::kBenign);
        EXPECT_EQ(told.incident.process.tgid, kClient.tgid);
        EXPECT_TRUE(says(told, "120 bytes came from 198.51.100.7:443 7.0 ms after client[4242] had closed"))
            << told.incident.verdict.summary;
        EXPECT_EQ(evidence_of(told),
                  (std::vector<std::string>{"local:closed", "network:segment_received", "local:rst_sent"}));
    }
}

TEST(OriginLateData, IsAsCertainAsTheKernelsOwnState) {
    EXPECT_EQ(play_to_one_incident(late_time_wait()).incident.verdict.confidence, Confidence::kCertain);
    EXPECT_EQ(play_to_one_incident(late_for_the_socket()).incident.verdict.confidence, Confidence::kCertain);
    EXPECT_EQ(play_to_one_incident(late_without_socket()).incident.verdict.confidence, Confidence::kLikely)
        << "the addresses alone tell whose it was";
    const Told forgotten = play_to_one_incident(late_forgotten());
    EXPECT_FALSE(forgotten.incident.process.tgid);
    EXPECT_EQ(forgotten.incident.rst->state, TcpState::kTimeWait);
    EXPECT_TRUE(says(forgotten, "who, and when, was not seen"));
}

// --- no_socket ---

const auto refused = scenario("origin_syn_refused", {Cause::kNoSocket},
                              [] { return distant().own_kernel_answers(kResetNoSocket, 0, kSyn); });
const auto stray = scenario("origin_stray", {Cause::kNoSocket},
                            [] { return distant().own_kernel_answers(kResetNoSocket, 5); });
/// A new connection from the same port, after a program here had closed the old one and stopped listening.
const auto refused_again = scenario("origin_syn_after_a_close", {Cause::kNoSocket}, [] {
    return distant().connected().closed_by(kClient).wait_ms(5).own_kernel_answers(kResetNoSocket, 0, kSyn);
});

TEST(OriginNoSocket, NamesNobody) {
    for (const auto& story : {refused, stray}) {
        const Told told = play_to_one_incident(story());
        EXPECT_EQ(told.incident.verdict.confidence, Confidence::kCertain);
        EXPECT_FALSE(told.incident.process.tgid);
        EXPECT_FALSE(told.incident.process.comm);
        EXPECT_EQ(told.json["rst"]["state"], nullptr);
        EXPECT_EQ(told.json["process"]["pid"], nullptr);
    }
    EXPECT_EQ(play_to_one_incident(refused()).json["rst"]["seq"], 0U) << "0 is a number, not unknown";
    EXPECT_EQ(play_to_one_incident(stray()).json["rst"]["seq"], kOwnResetSeq);
    EXPECT_EQ(play_to_one_incident(refused()).incident.first_close, FirstClose::kNone);
    EXPECT_EQ(play_to_one_incident(stray()).json["first_close"], nullptr);
}

TEST(OriginNoSocket, IsNoLateDataWhereItOpensAConnection) {
    EXPECT_EQ(play_to_one_incident(refused_again()).incident.verdict.cause, Cause::kNoSocket);
}

TEST(OriginNoSocket, PortScanIsOneBurst) {
    Story all;
    for (std::uint16_t port = 0; port < 8; ++port) {
        Story one = distant();
        all.together_with(
            one.numbered(port).wait_us(port * 1000U).own_kernel_answers(kResetNoSocket, 0, kSyn));
    }
    const std::vector<Told> printed = play(all);
    ASSERT_EQ(printed.size(), 8U);
    ASSERT_TRUE(printed.back().incident.burst);
    EXPECT_EQ(printed.back().incident.burst->size, 8U);
    EXPECT_EQ(printed.back().incident.burst->pattern, BurstPattern::kAlike)
        << "nothing was open to be broken";
}

// --- once, or not at all ---

TEST(Origin, RepeatsAreCounted) {
    Story story = unread();
    story.wait_ms(2).answers_again(1448).wait_ms(2).answers_again(1448);
    const Told told = play_to_one_incident(story);
    EXPECT_EQ(told.incident.verdict.cause, Cause::kClosedWithUnreadData);
    EXPECT_EQ(std::get<std::int64_t>(told.incident.timeline.back().detail.at("count")), 3);
}

TEST(Origin, IsToldAfterASecondAndOnceMoreWithItsRepeats) {
    Story story = unread();
    const Ktime sent = story.now();
    story.wait_ms(1500).answers_again(1448).wait_ms(500);
    const std::vector<Told> printed = play(story);
    ASSERT_EQ(printed.size(), 2U);
    EXPECT_GE(printed[0].printed_at.ns - sent.ns, 990'000'000U) << "sure that nobody here has received it";
    EXPECT_FALSE(printed[0].at_finish);
    EXPECT_EQ(printed[1].incident.id, printed[0].incident.id);
    EXPECT_EQ(printed[1].incident.revision, 1U);
}

TEST(Origin, AnotherConnectionFromTheSameAddressesIsAnother) {
    Story first = distant();
    Story second = distant();
    first.own_kernel_answers(kResetNoSocket, 0, kSyn);
    second.wait_ms(300).connected().own_aborts(kResetAbortOnClose, 7, ClosePath::kClose);
    const std::vector<Told> printed = play(first.together_with(second));
    ASSERT_EQ(printed.size(), 2U);
    EXPECT_EQ(printed[0].incident.verdict.cause, Cause::kNoSocket);
    EXPECT_EQ(printed[1].incident.verdict.cause, Cause::kClosedWithUnreadData);
}

/// Whoever receives it on this host tells it.
TEST(Origin, IsNotToldWhereTheReceiverIsHere) {
    Story over_loopback;
    Story over_veth;
    over_loopback.connected().own_aborts(kResetAbortOnClose, 9, ClosePath::kClose).wait_ms(1500);
    over_veth.between_namespaces().connected().sent(9, true).peer_aborts(kResetAbortOnClose, 9,
                                                                         ClosePath::kClose);
    over_veth.reset_received(0x14).call_fails(kRecvfrom, ECONNRESET).wait_ms(1500);
    EXPECT_TRUE(play(over_loopback).empty());
    EXPECT_EQ(play_to_one_incident(over_veth).incident.role, Role::kVictim);
}

/// No socket at the other end was known, when this kernel refused its SYN.
TEST(Origin, IsNotToldOfASynThatWasRefusedHere) {
    Story story;
    story.between_namespaces().connecting().peer_kernel_answers(kResetNoSocket).reset_received(0x14);
    EXPECT_EQ(play_to_one_incident(story.connect_gives_up().wait_ms(1500)).incident.verdict.cause,
              Cause::kConnectionRefused);
}

/// Keepalive's last packet, SOCK_DESTROY: this end's own failure tells it.
TEST(Origin, IsNotToldOfAnEndThatFailedItself) {
    TcpFacts silent;
    silent.keepalive = true;
    silent.probes_out = 9;
    Story keepalive = distant();
    keepalive.connected()
        .sent(5, true)
        .wait_ms(9000)
        .own_kernel_sends_rst(kResetKeepaliveTimeout)
        .times_out(silent);
    EXPECT_EQ(play_to_one_incident(keepalive.call_fails(kRecvfrom, ETIMEDOUT).wait_ms(1500)).incident.role,
              Role::kVictim);
    Story destroyed = distant();
    destroyed.connected().sent(5, true).destroyed_by_ss(kServer);
    EXPECT_EQ(play_to_one_incident(destroyed.call_fails(kRecvfrom, ECONNABORTED).wait_ms(1500)).incident.role,
              Role::kVictim);
}

/// An error of ICMP that the connection outlived is another matter than its abort later.
TEST(Origin, IsToldOfAnEndThatOutlivedAnError) {
    Story story = distant();
    story.connected().sent(5, true).network_reports(EHOSTUNREACH).call_fails(kRecvfrom, EHOSTUNREACH).wait_ms(50);
    const std::vector<Told> printed = play(story.own_aborts(kResetAbortOnClose, 9, ClosePath::kClose).wait_ms(1500));
    ASSERT_EQ(printed.size(), 2U);
    EXPECT_EQ(printed[0].incident.role, Role::kVictim);
    EXPECT_EQ(printed[1].incident.verdict.cause, Cause::kClosedWithUnreadData);
}

/// What the peer sends after its own RST is answered with one: the reset connection's story tells it.
TEST(Origin, IsNotToldOfAConnectionThatThePeerHadReset) {
    Story story = distant();
    story.connected().sent(5, true).wait_ms(5).reset_received(0x14).call_fails(kRecvfrom, ECONNRESET);
    const std::vector<Told> printed = play(story.wait_ms(3).rst_answers_late_data().wait_ms(1500));
    ASSERT_FALSE(printed.empty());
    for (const Told& told : printed) EXPECT_EQ(told.incident.role, Role::kVictim);
}

/// Nor of what it goes on sending once the connection is forgotten here.
TEST(Origin, IsNotToldOfASilentConnectionsLateSegments) {
    Story story = distant();
    story.connected().sent(5, true).times_out({}).call_fails(kRecvfrom, ETIMEDOUT).destroyed();
    story.wait_ms(3).rst_answers_late_data().wait_ms(600).rst_answers_late_data();
    const std::vector<Told> printed = play(story.wait_ms(1500));
    ASSERT_FALSE(printed.empty());
    for (const Told& told : printed) EXPECT_EQ(told.incident.role, Role::kVictim);
}

/// Closed under TCP_REPAIR, which leaves an error on the socket that no network raised.
TEST(Origin, IsToldOfAConnectionThatWasTakenOutOfTheKernel) {
    Story story = distant();
    story.connected().sent(5, true).own_forgets().wait_ms(50).own_kernel_answers(kResetNoSocket, 5);
    const Told told = play_to_one_incident(story.wait_ms(1500));
    EXPECT_EQ(told.incident.verdict.cause, Cause::kNoSocket);
    EXPECT_TRUE(says(told, "client[4242] had taken out of this kernel under TCP_REPAIR"))
        << told.incident.verdict.summary;
}

TEST(Origin, LossLowersTheConfidence) {
    Story story = distant();
    story.connected()
        .sent(180, true)
        .own_aborts(kResetAbortOnClose, 9, ClosePath::kClose)
        .lose(3)
        .wait_ms(1500);
    const Told told = play_to_one_incident(story);
    EXPECT_EQ(told.incident.lost, 3U);
    EXPECT_EQ(told.incident.verdict.confidence, Confidence::kLikely);
}

/// A timer that ends an orphan, or a handshake's wrong number: no cause of the list, and none is invented.
TEST(Origin, WhatIsNotExplainedIsUnknown) {
    Story story = distant();
    story.connected().sent(180, true).closed_by(kClient).wait_ms(40).own_kernel_sends_rst(13);
    const Told told = play_to_one_incident(story);
    EXPECT_EQ(told.incident.verdict.cause, Cause::kUnknown);
    EXPECT_TRUE(says(told, "TCP_ABORT_ON_MEMORY")) << told.incident.verdict.summary;
}

}  // namespace
}  // namespace pipetrace::testing
