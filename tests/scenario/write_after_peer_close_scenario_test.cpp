// The classic broken pipe: the peer closed in order, the program wrote twice more.
#include "scenario.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace pipetrace::testing {
namespace {

using Words = std::vector<std::string>;

/// Connected, 5 bytes each way of nothing; the peer closes at once, the client writes a second later.
Story until_the_reset(Story story) {
    return story.connected()
        .sent(5, true)
        .wait_ms(2)
        .peer_closed()
        .wait_ms(1000)
        .sent(5, false)
        .peer_kernel_answers(kResetTimeWait)
        .reset_received();
}

Story classic(Stance stance, Call call = kSendto) {
    Story story = until_the_reset(Story());
    story.wait_us(100).write_meets_sigpipe(call, stance);
    if (stance == Stance::kDefault) return story.process_exits(13).destroyed(kClient);
    return story.closed_by(kClient).destroyed(kClient).process_exits(0);
}

const auto ignored = scenario("write_after_peer_close_ignored", {Cause::kWriteAfterPeerClose},
                              [] { return classic(Stance::kIgnored); });
const auto killed = scenario("write_after_peer_close_killed", {Cause::kWriteAfterPeerClose},
                             [] { return classic(Stance::kDefault, kWrite); });
const auto handled = scenario("write_after_peer_close_handled", {Cause::kWriteAfterPeerClose},
                              [] { return classic(Stance::kHandled); });
const auto blocked = scenario("write_after_peer_close_blocked", {Cause::kWriteAfterPeerClose},
                              [] { return classic(Stance::kBlocked); });
const auto suppressed = scenario("write_after_peer_close_suppressed", {Cause::kWriteAfterPeerClose},
                                 [] { return classic(Stance::kDefault, kSendQuietly); });

const auto over_ipv6 = scenario("write_after_peer_close_ipv6", {Cause::kWriteAfterPeerClose}, [] {
    return until_the_reset(Story().over_ipv6()).write_meets_sigpipe(kSendto, Stance::kIgnored);
});
const auto across_namespaces =
    scenario("write_after_peer_close_other_namespace", {Cause::kWriteAfterPeerClose}, [] {
        return until_the_reset(Story().between_namespaces()).write_meets_sigpipe(kSendto, Stance::kIgnored);
    });
const auto few_hooks = scenario("write_after_peer_close_few_hooks", {Cause::kWriteAfterPeerClose}, [] {
    return until_the_reset(Story(kFewHooks)).write_meets_sigpipe(kSendto, Stance::kIgnored);
});

/// pipetrace -p, started while the client sleeps: its FIN is read from the socket, the peer has gone.
const auto older = scenario("write_after_peer_close_older", {Cause::kWriteAfterPeerClose}, [] {
    return Story()
        .with_a_distant_peer()
        .connected_before_the_trace(TcpState::kCloseWait)
        .wait_ms(300)
        .sent(5, false)
        .peer_kernel_answers(kResetTimeWait)
        .reset_received()
        .write_meets_sigpipe(kSendto, Stance::kIgnored);
});

/// Row r: the peer gave up both directions and kept the descriptor; its own socket is reset by the
/// kernel on the data, no RST was received there.
const auto peer_shut_down = scenario("write_after_peer_shutdown", {Cause::kWriteAfterPeerClose}, [] {
    Story story;
    return story.connected()
        .wait_ms(1)
        .peer_shut_down()
        .wait_ms(50)
        .sent(5, false)
        .peer_kernel_answers(kResetAbortOnData)
        .reset_received()
        .write_meets_sigpipe(kSendto, Stance::kIgnored);
});

/// A close in two steps: the FIN has come of a shutdown, and this one sends none.
const auto closed_after_fin = scenario("write_after_peer_close_two_steps", {Cause::kWriteAfterPeerClose}, [] {
    Story story;
    return story.connected()
        .wait_ms(1)
        .fin_received()
        .wait_ms(1000)
        .peer_closed_behind_full_window()
        .wait_ms(50)
        .sent(5, false)
        .peer_kernel_answers(kResetTimeWait)
        .reset_received()
        .write_meets_sigpipe(kSendto, Stance::kIgnored);
});
/// A server whose client leaves while the answer is made.
const auto client_left = scenario("write_after_peer_close_client", {Cause::kWriteAfterPeerClose}, [] {
    Story story;
    return story.accepted()
        .received(80)
        .wait_ms(500)
        .peer_closed()
        .wait_ms(50)
        .sent(5, false)
        .peer_kernel_answers(kResetTimeWait)
        .reset_received()
        .write_meets_sigpipe(kSendto, Stance::kIgnored);
});

const auto never_told = scenario("write_after_peer_close_never_told", {Cause::kWriteAfterPeerClose}, [] {
    return until_the_reset(Story()).wait_ms(5).closed_by(kClient).destroyed(kClient);
});

/// Long after the peer's close, when its kernel has forgotten the connection too, this end is closed.
Story forgotten_close(Hooks hooks) {
    Story story(hooks);
    story.accepted().received(27).sent(240, true).wait_ms(5).peer_closed().wait_ms(70'000).closed_by(kClient);
    return story.peer_kernel_answers(kResetNoSocket).reset_received().destroyed();
}
const auto only_closed =
    scenario("last_fin_meets_reset", {Cause::kPeerReset}, [] { return forgotten_close({}); });
const auto only_closed_few_hooks = scenario("last_fin_meets_reset_few_hooks", {Cause::kPeerReset},
                                            [] { return forgotten_close(kFewHooks); });

TEST(WriteAfterPeerClose, IsNotClaimedOfACloseAlone) {
    for (const auto& story : {only_closed, only_closed_few_hooks}) {
        const Told told = play_to_one_incident(story());
        EXPECT_EQ(told.incident.verdict.cause, Cause::kPeerReset);
        EXPECT_EQ(told.incident.verdict.severity, Severity::kBenign);
        EXPECT_NE(told.incident.verdict.summary.find("after all data had been acknowledged"),
                  std::string::npos);
        const auto timeline = timeline_of(told);
        EXPECT_EQ(std::count(timeline.begin(), timeline.end(), "local:data_sent"), 0);
    }
}

TEST(WriteAfterPeerClose, TellsTheClassicCase) {
    const Told told = play_to_one_incident(ignored());
    const Incident& incident = told.incident;
    EXPECT_EQ(errors_of(told), Words{"EPIPE sendto"});
    EXPECT_EQ(incident.errors.at(0).fd, 3);
    EXPECT_EQ(incident.errors.at(0).bytes, 5);
    EXPECT_EQ(incident.errors.at(0).tid, 4242U);
    EXPECT_EQ(incident.errors.at(0).count, 1U);
    EXPECT_EQ(incident.sigpipe, SigpipeFate::kIgnored);
    ASSERT_TRUE(incident.rst);
    EXPECT_EQ(incident.rst->state, TcpState::kCloseWait);
    EXPECT_EQ(incident.rst->why, "TCP_TIMEWAIT_SOCKET");
    EXPECT_EQ(incident.rst->flags, "RST");
    EXPECT_EQ(incident.first_close, FirstClose::kPeer);
    EXPECT_EQ(incident.process.comm, "client");
    ASSERT_TRUE(incident.peer);
    EXPECT_EQ(incident.peer->process.tgid, 4240U);
    EXPECT_EQ(incident.peer->process.comm, "server");
    EXPECT_EQ(incident.peer->action, PeerAction::kClose);
    EXPECT_EQ(incident.verdict.cause, Cause::kWriteAfterPeerClose);
    EXPECT_EQ(incident.verdict.confidence, Confidence::kCertain);
    EXPECT_EQ(incident.verdict.severity, Severity::kFault);
    EXPECT_FALSE(told.at_finish) << "it ends with its endpoint";
}

TEST(WriteAfterPeerClose, TellsTheStoryInOrderAndProvesIt) {
    const Told told = play_to_one_incident(ignored());
    EXPECT_EQ(timeline_of(told), (Words{"local:connected", "peer:closed", "network:fin_received",
                                        "local:data_sent", "peer:rst_sent", "network:rst_received",
                                        "local:call_failed", "local:sigpipe_generated"}));
    EXPECT_EQ(evidence_of(told),
              (Words{"peer:closed", "network:fin_received", "local:data_sent", "network:rst_received"}));
    EXPECT_NE(rejected_because(told, Cause::kCloseRace), "");
    EXPECT_NE(rejected_because(told, Cause::kPeerClosedUnreadData), "");
    EXPECT_NE(told.incident.verdict.summary.find("server[4240]"), std::string::npos);
    EXPECT_NE(told.incident.verdict.summary.find("client[4242]"), std::string::npos);
}

TEST(WriteAfterPeerClose, MeasuresAgeSilenceAndBytes) {
    const EndpointStory endpoint = play_to_one_incident(ignored()).incident.endpoint;
    EXPECT_EQ(endpoint.local, "127.0.0.1:50870");
    EXPECT_EQ(endpoint.remote, "127.0.0.1:2222");
    EXPECT_EQ(endpoint.state, TcpState::kCloseWait);
    EXPECT_EQ(endpoint.bytes_sent, 10U);
    EXPECT_EQ(endpoint.bytes_acked, 5U);
    EXPECT_EQ(endpoint.bytes_received, 0U);
    ASSERT_TRUE(endpoint.age_us);
    EXPECT_NEAR(static_cast<double>(*endpoint.age_us), 1'002'100, 50);
    ASSERT_TRUE(endpoint.idle_us) << "the silence between the FIN and the write that drew the RST";
    EXPECT_NEAR(static_cast<double>(*endpoint.idle_us), 1'000'000, 10);
}

TEST(WriteAfterPeerClose, TellsTheFateOfSigpipe) {
    EXPECT_EQ(play_to_one_incident(killed()).incident.sigpipe, SigpipeFate::kKilled);
    EXPECT_EQ(play_to_one_incident(handled()).incident.sigpipe, SigpipeFate::kHandled);
    EXPECT_EQ(play_to_one_incident(blocked()).incident.sigpipe, SigpipeFate::kBlocked);
    EXPECT_EQ(play_to_one_incident(suppressed()).incident.sigpipe, SigpipeFate::kSuppressed);
}

TEST(WriteAfterPeerClose, KilledProcessEndsInTheTimeline) {
    const Told told = play_to_one_incident(killed());
    EXPECT_EQ(errors_of(told), Words{"EPIPE write"});
    EXPECT_EQ(timeline_of(told).back(), "local:process_exited");
    EXPECT_NE(told.incident.verdict.advice.find("SIGPIPE"), std::string::npos);
}

TEST(WriteAfterPeerClose, IsTheSameOverIpv6AndAcrossNamespaces) {
    const Told v6 = play_to_one_incident(over_ipv6());
    EXPECT_EQ(v6.incident.endpoint.local, "[::1]:50870");
    const Told across = play_to_one_incident(across_namespaces());
    for (const Told& told : {v6, across}) {
        EXPECT_EQ(told.incident.verdict.confidence, Confidence::kCertain);
        ASSERT_TRUE(told.incident.peer);
        EXPECT_EQ(told.incident.peer->process.tgid, 4240U);
    }
}

TEST(WriteAfterPeerClose, WithFewHooksIsAsCertain) {
    const Told told = play_to_one_incident(few_hooks());
    EXPECT_EQ(errors_of(told), Words{"EPIPE sendto"}) << "the signal implies the failed call";
    EXPECT_EQ(told.incident.verdict.cause, Cause::kWriteAfterPeerClose);
    EXPECT_EQ(told.incident.verdict.confidence, Confidence::kCertain);
}

TEST(WriteAfterPeerClose, OfAnOlderConnectionMarksTheFinAsReadFromState) {
    const Told told = play_to_one_incident(older());
    EXPECT_FALSE(told.incident.peer);
    EXPECT_FALSE(told.incident.endpoint.age_us) << "it opened before the trace";
    EXPECT_EQ(told.incident.verdict.confidence, Confidence::kCertain);
    EXPECT_EQ(told.incident.first_close, FirstClose::kPeer);
    bool marked = false;
    for (const TimelineEntry& entry : told.incident.timeline) {
        if (entry.event == "fin_received") marked = !entry.time_known;
    }
    EXPECT_TRUE(marked);
}

TEST(WriteAfterPeerClose, PeerThatOnlyShutDownIsNamedSo) {
    const Told told = play_to_one_incident(peer_shut_down());
    ASSERT_TRUE(told.incident.peer);
    EXPECT_EQ(told.incident.peer->action, PeerAction::kShutdown);
    EXPECT_EQ(told.incident.verdict.cause, Cause::kWriteAfterPeerClose);
}

TEST(WriteAfterPeerClose, ResetThatNobodyWasToldOfHasNoErrors) {
    const Told told = play_to_one_incident(never_told());
    EXPECT_EQ(errors_of(told), Words{});
    EXPECT_EQ(told.incident.sigpipe, SigpipeFate::kNone);
    EXPECT_EQ(told.incident.process.tgid, 4242U);
    EXPECT_NE(told.incident.verdict.summary.find("No program was told"), std::string::npos);
}

TEST(WriteAfterPeerClose, LaterCloseDidNotSendTheFin) {
    const auto via_of = [](const Story& story) {
        const Told told = play_to_one_incident(story);
        const auto& timeline = told.incident.timeline;
        const auto closed = std::find_if(timeline.begin(), timeline.end(),
                                         [](const TimelineEntry& entry) { return entry.event == "closed"; });
        return closed != timeline.end() && closed->detail.contains("via");
    };
    EXPECT_TRUE(via_of(ignored()));
    EXPECT_FALSE(via_of(closed_after_fin()));
}

TEST(WriteAfterPeerClose, ServerIsToldWhatClientsDo) {
    const std::string of_server = play_to_one_incident(client_left()).incident.verdict.advice;
    EXPECT_NE(of_server.find("server[4240] left while it was still being written to"), std::string::npos)
        << of_server;
    const std::string of_client = play_to_one_incident(ignored()).incident.verdict.advice;
    EXPECT_EQ(of_client.find("left while"), std::string::npos) << of_client;
}

/// As ssh's, once it has read the end: whether it looked cannot be said.
TEST(WriteAfterPeerClose, OfAGoodbyeDoesNotSayThatTheProgramDidNotLook) {
    for (const bool has_closed : {false, true}) {
        Story story;
        story.connected().wait_ms(30).peer_closed().wait_us(80).sent(60, false);
        if (has_closed) story.closed_by(kClient).wait_us(40);
        story.peer_kernel_answers(kResetAbortOnData).reset_received();
        if (!has_closed) story.closed_by(kClient);
        const Told told = play_to_one_incident(story.destroyed());
        EXPECT_EQ(told.incident.verdict.cause, Cause::kWriteAfterPeerClose);
        EXPECT_EQ(told.incident.verdict.confidence, Confidence::kCertain);
        const std::string& summary = told.incident.verdict.summary;
        EXPECT_NE(summary.find("what client[4242] sent after that drew a RST. No program was told"),
                  std::string::npos)
            << summary;
        EXPECT_EQ(summary.find("did not look"), std::string::npos) << summary;
    }
}

}  // namespace
}  // namespace pipetrace::testing
