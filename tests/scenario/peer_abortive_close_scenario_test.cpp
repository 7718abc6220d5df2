// The peer threw the connection away on purpose: SO_LINGER 0, or a listener that closed with the
// connection still waiting to be accepted.
#include "scenario.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace pipetrace::testing {
namespace {

using Words = std::vector<std::string>;

/// Row b1. The aborter's own socket gets an error report as well, from tcp_disconnect().
Story lingering(Hooks hooks) {
    Story story(hooks);
    return story.connected()
        .sent(100, true)
        .received(50)
        .wait_ms(500)
        .peer_aborts(kResetState, 0, ClosePath::kLingerZero)
        .reset_received(0x14)
        .peer_socket_error_report(ECONNRESET)
        .peer_destroyed()
        .wait_ms(2)
        .call_fails(kRecvfrom, ECONNRESET)
        .write_meets_sigpipe(kWrite, Stance::kDefault)
        .process_exits(13)
        .destroyed(kClient);
}

const auto linger =
    scenario("peer_abortive_close", {Cause::kPeerAbortiveClose}, [] { return lingering({}); });
const auto linger_few_hooks = scenario("peer_abortive_close_few_hooks", {Cause::kPeerAbortiveClose},
                                       [] { return lingering(kFewHooks); });

/// Row p: nobody had accepted; inet_csk_listen_stop() resets without a shutdown.
const auto listener_closed = scenario("peer_abortive_close_listener", {Cause::kPeerAbortiveClose}, [] {
    Story story;
    return story.connected()
        .wait_ms(200)
        .peer_aborts(kResetState, 0, ClosePath::kListener)
        .reset_received(0x14)
        .wait_ms(1)
        .call_fails(kRecvfrom, ECONNRESET);
});

const auto health_check = scenario("peer_abortive_close_health_check", {Cause::kPeerAbortiveClose}, [] {
    Story story;
    return story.accepted()
        .wait_ms(1)
        .peer_aborts(kResetState, 0, ClosePath::kLingerZero)
        .reset_received(0x14)
        .call_fails(kRecvfrom, ECONNRESET);
});

/// As a proxy's `reject`, or a server that stops with this one still in its queue.
Story turned_away(ClosePath path, std::uint32_t unread) {
    Story story;
    story.connected().wait_ms(1);
    if (unread != 0) story.sent(unread, true);
    story.peer_aborts(unread != 0 ? kResetAbortOnClose : kResetState, unread, path);
    return story.reset_received(0x14).call_fails(kRecvfrom, ECONNRESET);
}
const auto rejected = scenario("peer_abortive_close_rejected", {Cause::kPeerAbortiveClose},
                               [] { return turned_away(ClosePath::kLingerZero, 0); });
const auto never_accepted = scenario("never_accepted_unread_data", {Cause::kPeerClosedUnreadData},
                                     [] { return turned_away(ClosePath::kListener, 59); });

/// It had ended its sending and waits for the rest of the answer: the connection is still its own.
Story half_closed(Hooks hooks) {
    Story story(hooks);
    return story.connected()
        .sent(100, true)
        .wait_ms(20)
        .shut_down_by(kClient)
        .wait_ms(20)
        .peer_aborts(kResetState, 0, ClosePath::kLingerZero)
        .reset_received(0x14);
}
const auto while_reading = scenario("peer_abortive_close_half_closed", {Cause::kPeerAbortiveClose}, [] {
    return half_closed(kFewHooks).wait_ms(1).error_taken_unseen().destroyed(kClient);
});
const auto after_reading = scenario("peer_abortive_close_half_closed_unread", {Cause::kPeerAbortiveClose},
                                    [] { return half_closed({}).wait_ms(1).destroyed(kClient); });

TEST(PeerAbortiveClose, ReachesWhoHasOnlyEndedItsSending) {
    EXPECT_EQ(errors_of(play_to_one_incident(while_reading())), Words{"ECONNRESET ? inferred"});
    EXPECT_EQ(errors_of(play_to_one_incident(after_reading())), Words{});
}

TEST(PeerAbortiveClose, IsTheVictimsIncidentAlone) {
    for (const auto& story : {linger, linger_few_hooks}) {
        const Told told = play_to_one_incident(story());
        EXPECT_EQ(told.incident.process.tgid, 4242U) << "not the aborter, whose socket was reported too";
        EXPECT_EQ(told.incident.verdict.cause, Cause::kPeerAbortiveClose);
        EXPECT_EQ(told.incident.verdict.confidence, Confidence::kCertain);
        EXPECT_EQ(told.incident.verdict.severity, Severity::kFault);
        ASSERT_TRUE(told.incident.peer);
        EXPECT_EQ(told.incident.peer->process.tgid, 4240U);
        EXPECT_EQ(told.incident.peer->action, PeerAction::kAbort);
        EXPECT_EQ(told.incident.sigpipe, SigpipeFate::kKilled);
        EXPECT_NE(rejected_because(told, Cause::kPeerClosedUnreadData), "");
    }
    EXPECT_EQ(errors_of(play_to_one_incident(linger())), (Words{"ECONNRESET recvfrom", "EPIPE write"}));
}

/// Its RST was lost on the way; a later one, for want of a socket, answers what was sent then.
const auto abort_lost = scenario("peer_abortive_close_lost", {Cause::kPeerAbortiveClose}, [] {
    Story story;
    return story.connected()
        .sent(100, true)
        .peer_aborts(kResetState, 0, ClosePath::kLingerZero)
        .peer_destroyed()
        .wait_ms(60'000)
        .sent(5, false)
        .peer_kernel_answers(kResetNoSocket)
        .reset_received()
        .call_fails(kRecvfrom, ECONNRESET);
});

TEST(PeerAbortiveClose, IsTheCauseThoughItsOwnRstWasLost) {
    const Told told = play_to_one_incident(abort_lost());
    EXPECT_EQ(told.incident.verdict.cause, Cause::kPeerAbortiveClose);
    EXPECT_EQ(told.incident.verdict.confidence, Confidence::kCertain);
    EXPECT_NE(rejected_because(told, Cause::kIdleConnectionReset), "");
}

TEST(PeerAbortiveClose, ListenerThatClosedIsToldSo) {
    const Told told = play_to_one_incident(listener_closed());
    EXPECT_EQ(told.incident.verdict.cause, Cause::kPeerAbortiveClose);
    EXPECT_NE(told.incident.verdict.summary.find("listener"), std::string::npos);
    EXPECT_EQ(told.incident.verdict.severity, Severity::kFault) << "it lived for longer than a moment";
}

/// A server that forks: its listener accepted, its child had it.
TEST(PeerAbortiveClose, ThatNobodyWasToldOfIsTheLastHoldersNotTheAccepters) {
    Story story;
    story.held_by(kServer).accepted().wait_ms(5).sent(40, true);
    story.peer_aborts(kResetState, 0, ClosePath::kLingerZero).reset_received(0x14).closed_by(kChild);
    const Told told = play_to_one_incident(story.destroyed(kChild));
    EXPECT_EQ(told.incident.process.tgid, kChild.tgid);
    EXPECT_TRUE(told.incident.errors.empty());
}

TEST(PeerAbortiveClose, ClientThatIsTurnedAwayIsNoHealthCheck) {
    for (const ClosePath path : {ClosePath::kLingerZero, ClosePath::kListener}) {
        const Verdict verdict = play_to_one_incident(turned_away(path, 0)).incident.verdict;
        EXPECT_EQ(verdict.severity, Severity::kFault);
        EXPECT_EQ(verdict.summary.find("health check"), std::string::npos);
    }
}

TEST(PeerAbortiveClose, OfWhatWasNeverAcceptedBlamesNoReader) {
    const Told told = play_to_one_incident(never_accepted());
    EXPECT_NE(told.incident.verdict.summary.find("before it had accepted this connection, with 59 bytes"),
              std::string::npos)
        << told.incident.verdict.summary;
    for (const std::uint32_t unread : {0U, 59U}) {
        const Verdict verdict =
            play_to_one_incident(turned_away(ClosePath::kListener, unread)).incident.verdict;
        EXPECT_NE(verdict.advice.find("Trying again is safe"), std::string::npos) << verdict.advice;
        EXPECT_EQ(verdict.advice.find("SO_LINGER"), std::string::npos);
    }
}

TEST(PeerAbortiveClose, HealthCheckIsBenign) {
    const Told told = play_to_one_incident(health_check());
    EXPECT_EQ(told.incident.verdict.cause, Cause::kPeerAbortiveClose);
    EXPECT_EQ(told.incident.verdict.severity, Severity::kBenign);
}

}  // namespace
}  // namespace pipetrace::testing
