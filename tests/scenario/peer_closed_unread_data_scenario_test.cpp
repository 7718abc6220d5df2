// The peer closed while our data lay unread there: RST instead of FIN.
#include "scenario.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace pipetrace::testing {
namespace {

using Words = std::vector<std::string>;

Story reset_by_unread_data(Hooks hooks) {
    Story story(hooks);
    return story.connected()
        .sent(2000, true)
        .wait_ms(40)
        .peer_aborts(kResetAbortOnClose, 2000, ClosePath::kClose)
        .reset_received(0x14);
}

/// Row b2: the first write takes ECONNRESET without a signal, the second EPIPE with one.
Story two_writes(Hooks hooks) {
    return reset_by_unread_data(hooks)
        .wait_ms(3)
        .call_fails(kWrite, ECONNRESET)
        .wait_ms(1)
        .write_meets_sigpipe(kWrite, Stance::kIgnored)
        .closed_by(kClient)
        .destroyed(kClient);
}

const auto writes =
    scenario("peer_closed_unread_data", {Cause::kPeerClosedUnreadData}, [] { return two_writes({}); });
const auto before_6_12 = scenario("peer_closed_unread_data_no_reason", {Cause::kPeerClosedUnreadData}, [] {
    return two_writes({true, true, false, false});
});
const auto sends_unseen =
    scenario("peer_closed_unread_data_sends_unseen", {Cause::kPeerClosedUnreadData}, [] {
        return two_writes({false, true, true, true});
    });

/// Two threads: one blocked in recv takes ECONNRESET, the writer is left EPIPE.
const Person kWriter{4242, "client", 4243};
const auto threads = scenario("peer_closed_unread_data_threads", {Cause::kPeerClosedUnreadData}, [] {
    return reset_by_unread_data({})
        .call_fails(kRecvfrom, ECONNRESET)
        .write_meets_sigpipe(kWrite, Stance::kIgnored, kWriter);
});

/// Nobody holds the victim's end any more, so that the RST destroys it before its sender's record comes.
const auto orphan = scenario("peer_closed_unread_data_orphan", {Cause::kPeerClosedUnreadData}, [] {
    Story story;
    return story.connected()
        .sent(2000, true)
        .wait_ms(40)
        .peer_throws_away(2000, ClosePath::kClose)
        .reset_received(0x14)
        .destroyed()
        .abort_recorded(kResetAbortOnClose, 2000);
});
/// A server whose client leaves in the middle of the answer.
const auto client_left = scenario("peer_closed_unread_data_client", {Cause::kPeerClosedUnreadData}, [] {
    Story story;
    return story.accepted()
        .sent(2000, true)
        .wait_ms(40)
        .peer_aborts(kResetAbortOnClose, 2000, ClosePath::kClose)
        .reset_received(0x14)
        .call_fails(kWrite, ECONNRESET);
});

/// As a server in Java does: close() of a channel that a selector holds shuts it down, and the next select()
/// closes it.
const auto in_two_steps = scenario("peer_closed_unread_data_after_fin", {Cause::kPeerClosedUnreadData}, [] {
    Story story;
    return story.connected()
        .sent(2000, true)
        .fin_received()
        .wait_ms(300)
        .sent(700, true)
        .wait_ms(700)
        .peer_aborts(kResetAbortOnClose, 700, ClosePath::kClose)
        .reset_received(0x14)
        .write_meets_sigpipe(kWrite, Stance::kIgnored);
});

TEST(PeerClosedUnreadData, FinThatCameFirstIsNotDenied) {
    const Told told = play_to_one_incident(in_two_steps());
    const std::string& summary = told.incident.verdict.summary;
    EXPECT_EQ(summary.find("instead of FIN"), std::string::npos) << summary;
    EXPECT_NE(summary.find("had ended its sending 1.000 s earlier"), std::string::npos) << summary;
    EXPECT_NE(told.incident.verdict.advice.find("a read that returns 0"), std::string::npos)
        << told.incident.verdict.advice;
}

/// A server that was still sending: what was under way did not draw the RST.
const auto still_sending =
    scenario("peer_closed_unread_data_still_sending", {Cause::kPeerClosedUnreadData}, [] {
        Story story;
        return story.accepted()
            .sent(2000, true)
            .wait_ms(40)
            .sent(500, false)
            .wait_ms(8)
            .peer_aborts(kResetAbortOnClose, 2000, ClosePath::kClose)
            .reset_received(0x14)
            .wait_ms(7)
            .call_fails(kWrite, ECONNRESET);
    });

TEST(PeerClosedUnreadData, AbortAnswersNoData) {
    const Told told = play_to_one_incident(still_sending());
    EXPECT_EQ(timeline_of(told), (Words{"local:connected", "peer:closed", "peer:rst_sent",
                                        "network:rst_received", "local:call_failed"}));
    EXPECT_EQ(told.incident.endpoint.idle_us.value_or(0) / 1000, 15U)
        << "since the last send, before the call that failed";
}

TEST(PeerClosedUnreadData, SenderOfTheRstIsWaitedFor) {
    const Told told = play_to_one_incident(orphan());
    ASSERT_TRUE(told.incident.rst);
    EXPECT_EQ(told.incident.rst->why, "TCP_ABORT_ON_CLOSE");
    EXPECT_TRUE(told.incident.errors.empty());
}

TEST(PeerClosedUnreadData, ClientIsNotAskedToReadARequest) {
    const std::string of_client = play_to_one_incident(client_left()).incident.verdict.advice;
    EXPECT_EQ(of_client.find("read to the end"), std::string::npos) << of_client;
    EXPECT_NE(of_client.find("timeout"), std::string::npos) << of_client;
    const std::string of_server = play_to_one_incident(writes()).incident.verdict.advice;
    EXPECT_NE(of_server.find("read to the end"), std::string::npos) << of_server;
}

TEST(PeerClosedUnreadData, TwoErrorsAreOneIncident) {
    const Told told = play_to_one_incident(writes());
    EXPECT_EQ(errors_of(told), (Words{"ECONNRESET write", "EPIPE write"}));
    EXPECT_EQ(told.incident.sigpipe, SigpipeFate::kIgnored);
    ASSERT_TRUE(told.incident.rst);
    EXPECT_EQ(told.incident.rst->state, TcpState::kEstablished);
    EXPECT_EQ(told.incident.rst->why, "TCP_ABORT_ON_CLOSE");
    EXPECT_EQ(told.incident.rst->flags, "RST|ACK");
    EXPECT_EQ(told.incident.first_close, FirstClose::kPeer);
    ASSERT_TRUE(told.incident.peer);
    EXPECT_EQ(told.incident.peer->unread_bytes, 2000U);
    EXPECT_EQ(told.incident.peer->action, PeerAction::kClose);
    EXPECT_EQ(told.incident.at, told.incident.errors.at(0).first);
}

TEST(PeerClosedUnreadData, IsCertainWithAndWithoutTheKernelsReason) {
    for (const auto& story : {writes, before_6_12}) {
        const Told told = play_to_one_incident(story());
        EXPECT_EQ(told.incident.verdict.cause, Cause::kPeerClosedUnreadData);
        EXPECT_EQ(told.incident.verdict.confidence, Confidence::kCertain);
        EXPECT_EQ(told.incident.verdict.severity, Severity::kFault);
        EXPECT_NE(told.incident.verdict.summary.find("server[4240]"), std::string::npos);
        EXPECT_NE(rejected_because(told, Cause::kPeerProcessDied), "");
    }
}

TEST(PeerClosedUnreadData, ErrorThatNoHookShowedIsInferred) {
    const Told told = play_to_one_incident(sends_unseen());
    EXPECT_EQ(errors_of(told), (Words{"ECONNRESET ? inferred", "EPIPE write"}));
    EXPECT_EQ(told.incident.verdict.cause, Cause::kPeerClosedUnreadData);
}

TEST(PeerClosedUnreadData, ThreadsOfOneProcessShareTheIncident) {
    const Told told = play_to_one_incident(threads());
    EXPECT_EQ(errors_of(told), (Words{"ECONNRESET recvfrom", "EPIPE write"}));
    EXPECT_EQ(told.incident.errors.at(0).tid, 4242U);
    EXPECT_EQ(told.incident.errors.at(1).tid, 4243U);
    EXPECT_FALSE(told.incident.errors.at(1).inferred);
}

}  // namespace
}  // namespace pipetrace::testing
