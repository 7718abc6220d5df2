// Reports of real users, and the fact that settled each: it must be in what is told.
// Where the fact cannot be had, the test says why.
#include "scenario.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace pipetrace::testing {
namespace {

constexpr Person kServerSide{4300, "app"};

bool says(const std::string& text, const char* words) { return text.find(words) != std::string::npos; }
std::string summary_of(const Told& told) { return told.incident.verdict.summary; }
std::string advice_of(const Told& told) { return told.incident.verdict.advice; }

/// istio#36566: the reset was made inside the pod's network namespace, where nobody looked.
TEST(UserCases, ResetInsideAPodNamesNamespaceStatesAndPeer) {
    Story story;
    story.between_namespaces().connected().sent(200, true).wait_ms(5).peer_aborts(kResetAbortOnClose, 200,
                                                                                ClosePath::kClose);
    const Told told = play_to_one_incident(story.reset_received(0x14).call_fails(kRecvfrom, ECONNRESET));
    EXPECT_TRUE(told.incident.endpoint.netns);
    EXPECT_EQ(told.incident.rst->state, TcpState::kEstablished);
    EXPECT_EQ(told.incident.peer->process.comm, "server");
    EXPECT_EQ(told.incident.rst->why, "TCP_ABORT_ON_CLOSE");
}

/// Rocket#2783, seastar#1325, go#51109: the client sees a reset in place of an early 413.
TEST(UserCases, EarlyAnswerNamesUnreadBytesWhoAndTheLingeringClose) {
    Story story;
    story.connected().sent(60'000, true).received(180).wait_ms(2).peer_aborts(kResetAbortOnClose, 58'000,
                                                                              ClosePath::kClose);
    const Told told = play_to_one_incident(story.reset_received(0x14).call_fails(kSendto, ECONNRESET));
    EXPECT_TRUE(says(summary_of(told), "server[4240] closed the connection")) << summary_of(told);
    EXPECT_TRUE(says(summary_of(told), "58000 bytes")) << summary_of(told);
    EXPECT_TRUE(says(advice_of(told), "lingering close"));
}

/// The same where the client is on another host, and the server's is traced with --origin.
TEST(UserCases, EarlyAnswerToADistantClientIsToldAtItsOrigin) {
    Story story;
    story.with_a_distant_peer().held_by(kServerSide).accepted().sent(180, true).received(2'000).wait_ms(2);
    const Told told = play_to_one_incident(story.own_aborts(kResetAbortOnClose, 58'000, ClosePath::kClose));
    EXPECT_EQ(told.incident.verdict.cause, Cause::kClosedWithUnreadData);
    EXPECT_TRUE(says(summary_of(told), "app[4300] closed the connection with 58000 bytes"))
        << summary_of(told);
    EXPECT_TRUE(says(advice_of(told), "drain the request"));
    EXPECT_TRUE(says(advice_of(told), "lingering close"));
}

/// unbound#137: a RST goes out; unbound had closed first, and the answer came later.
TEST(UserCases, AnswerAfterOurCloseIsHarmless) {
    Story story;
    story.with_a_distant_peer()
        .held_by(kServerSide)
        .connected()
        .sent(40, true)
        .closed_by(kServerSide)
        .wait_ms(18);
    const Told told = play_to_one_incident(story.own_kernel_answers(kResetTimeWait, 512));
    EXPECT_EQ(told.incident.verdict.cause, Cause::kLateDataAfterClose);
    EXPECT_EQ(told.incident.verdict.severity, Severity::kBenign);
    EXPECT_EQ(told.incident.first_close, FirstClose::kLocal);
    EXPECT_TRUE(says(summary_of(told), "This RST is harmless")) << summary_of(told);
    EXPECT_TRUE(says(summary_of(told), "18.0 ms after app[4300] had closed the connection, in order"));
}

/// kubernetes#74839, #117924: conntrack took packets for invalid, so that they came untranslated to a host
/// that knows no such connection. Which translated connection nearly matches is in conntrack's table alone.
TEST(UserCases, ResetOfAHostThatKnowsNoSuchConnectionAdvisesConntrack) {
    Story story;
    const Told told =
        play_to_one_incident(story.with_a_distant_peer().own_kernel_answers(kResetNoSocket, 1'448));
    EXPECT_EQ(told.incident.verdict.cause, Cause::kNoSocket);
    EXPECT_EQ(told.json["process"]["pid"], nullptr);
    EXPECT_TRUE(says(summary_of(told), "this host has no connection with these addresses"))
        << summary_of(told);
    EXPECT_TRUE(says(advice_of(told), "conntrack -S"));
}

/// nodejs#20256, skuba#1111: keep-alive ends at the server as the balancer sends the next request.
TEST(UserCases, KeepAliveRaceTellsWhoClosedFirstAndTheIdleAge) {
    Story story;
    story.connected().sent(300, true).received(900).wait_ms(5'000).sent(310, false).peer_closed();
    story.peer_kernel_answers(kResetTimeWait).reset_received().call_fails(kRecvfrom, EPIPE);
    const Told told = play_to_one_incident(story);
    EXPECT_EQ(told.incident.verdict.cause, Cause::kCloseRace);
    EXPECT_EQ(told.incident.first_close, FirstClose::kPeer);
    EXPECT_NEAR(static_cast<double>(told.incident.endpoint.idle_us.value_or(0)), 5e6, 5e4);
    EXPECT_TRUE(says(advice_of(told), "keep idle connections for less time than the peer does"));
}

/// reactor-netty#1774, #938, #764: resets after idling.
TEST(UserCases, ResetAfterIdlingTellsTheAge) {
    Story story;
    story.with_a_distant_peer().connected().sent(300, true).received(900).wait_ms(600'000).sent(300, false);
    const Told told = play_to_one_incident(story.wait_ms(12).reset_received().call_fails(kRecvfrom, ECONNRESET));
    EXPECT_EQ(told.incident.verdict.cause, Cause::kIdleConnectionReset);
    EXPECT_TRUE(says(summary_of(told), "silent for 10 min")) << summary_of(told);
}

/// haproxy#560, node-fast#15: floods of ECONNRESET from health checks with SO_LINGER 0.
TEST(UserCases, HealthCheckIsBenign) {
    Story story;
    story.accepted().wait_ms(1).peer_aborts(kResetState, 0, ClosePath::kLingerZero);
    const Told told = play_to_one_incident(story.reset_received(0x14).call_fails(kRecvfrom, ECONNRESET));
    EXPECT_EQ(told.incident.verdict.severity, Severity::kBenign);
    EXPECT_TRUE(says(summary_of(told), "SO_LINGER"));
}

/// naiveproxy#558: a RST 7.4 ms after the ClientHello where the round trip takes 318 ms, then real data.
TEST(UserCases, ForgedResetComparesDelayAndRoundTrip) {
    Story story;
    story.with_a_distant_peer().connected().round_trip_us(318'000).sent(517, false).wait_us(7'400);
    story.reset_received(0x14).call_fails(kRecvfrom, ECONNRESET).wait_ms(310).rst_answers_late_data();
    const Told told = play_to_one_incident(story);
    EXPECT_EQ(told.incident.verdict.cause, Cause::kForgedReset);
    EXPECT_EQ(told.incident.rst->delay_us.value_or(0) / 1000, 7U);
    EXPECT_EQ(told.incident.endpoint.rtt_us, 318'000U);
}

/// GmSSL#1913: exit 141, since whoever read the log had gone and stderr raised SIGPIPE.
TEST(UserCases, LogReaderGoneNamesDescriptorKindAndFate) {
    constexpr Call kWriteToStderr{1, 2, 80};
    Story story;
    story.on_a_pipe().wait_ms(1).reader_gone(kServerSide, 0, true);
    const Told told = play_to_one_incident(story.write_meets_sigpipe(kWriteToStderr, Stance::kDefault).process_exits(13));
    EXPECT_EQ(told.incident.endpoint.fd, 2);
    EXPECT_EQ(told.incident.endpoint.kind, EndpointKind::kPipe);
    EXPECT_EQ(told.incident.sigpipe, SigpipeFate::kKilled);
    EXPECT_EQ(told.incident.peer->process.comm, "app");
    EXPECT_TRUE(says(advice_of(told), "141"));
}

/// moby#19728, containerd#580, systemd#6620: a daemon dies as the log daemon that reads its stderr restarts.
TEST(UserCases, LogDaemonRestartNamesDescriptorKindReaderAndFate) {
    constexpr Call kWriteToStderr{1, 2, 80};
    Story story;
    story.on_a_unix_socket()
        .named("", "/run/systemd/journal/stdout")
        .wait_ms(5)
        .other_end_exits()
        .wait_ms(900);
    const Told told =
        play_to_one_incident(story.write_meets_sigpipe(kWriteToStderr, Stance::kDefault).process_exits(13));
    EXPECT_EQ(told.incident.endpoint.fd, 2);
    EXPECT_EQ(told.incident.endpoint.kind, EndpointKind::kUnix);
    EXPECT_EQ(told.incident.endpoint.remote, "/run/systemd/journal/stdout");
    EXPECT_EQ(told.incident.peer->process.comm, "server");
    EXPECT_EQ(told.incident.peer->action, PeerAction::kExit);
    EXPECT_EQ(told.incident.sigpipe, SigpipeFate::kKilled);
    EXPECT_TRUE(says(summary_of(told), "/run/systemd/journal/stdout")) << summary_of(told);
    EXPECT_TRUE(says(advice_of(told), "standard error")) << advice_of(told);
    EXPECT_TRUE(says(advice_of(told), "restart")) << advice_of(told);
}

/// openssl#16399, curl#3787, kivaloo#177: the library uses write(), which cannot carry MSG_NOSIGNAL.
/// Which library's frame it was needs a user stack, which is not taken.
TEST(UserCases, DeathInsideALibraryAdvisesSigIgn) {
    Story story;
    story.connected().sent(5, true).peer_closed().wait_ms(3).sent(5, false).peer_kernel_answers(kResetTimeWait);
    story.reset_received().write_meets_sigpipe(kWrite, Stance::kDefault).process_exits(13);
    const Told told = play_to_one_incident(story);
    EXPECT_EQ(told.incident.sigpipe, SigpipeFate::kKilled);
    EXPECT_EQ(told.incident.errors.front().syscall, "write");
    EXPECT_TRUE(says(advice_of(told), "write() cannot carry MSG_NOSIGNAL")) << advice_of(told);
}

/// kitty#5500, cqlite#4032, go#9173: a SIGPIPE in the trace that did nothing. Who had set it to be ignored
/// happened before, perhaps in a parent: SIG_IGN is inherited over exec and leaves no trace in the process.
TEST(UserCases, SigpipeThatDidNothingIsToldSo) {
    Story story;
    story.connected().sent(5, true).peer_closed().wait_ms(3).sent(5, false).peer_kernel_answers(kResetTimeWait);
    const Told told = play_to_one_incident(story.reset_received().write_meets_sigpipe(kWrite, Stance::kIgnored));
    EXPECT_EQ(told.incident.sigpipe, SigpipeFate::kIgnored);
    EXPECT_TRUE(says(advice_of(told), "SIGPIPE did no harm here"));
}

/// redis#14100, #3893: redis had closed on its output-buffer limit, with the client's requests unread. That
/// the limit made it close is in redis' log: no kernel event carries the reason of a close().
TEST(UserCases, ServerThatClosedOnPurposeIsNamedWithItsUnreadBytes) {
    Story story;
    story.connected().sent(9'000, true).received(1'000'000).wait_ms(100).peer_aborts(kResetAbortOnClose, 700,
                                                                                    ClosePath::kClose);
    const Told told = play_to_one_incident(story.reset_received(0x14).call_fails(kRecvfrom, ECONNRESET));
    EXPECT_EQ(told.incident.peer->action, PeerAction::kClose);
    EXPECT_EQ(told.incident.peer->unread_bytes, 700U);
    EXPECT_EQ(told.incident.endpoint.bytes_received, 1'000'000U);
}

/// NixOS/infra#352: sshd's MaxStartups closes what it has just accepted.
TEST(UserCases, CloseRightAfterAcceptShowsTheAgeAndWhoClosed) {
    Story story;
    story.connected().sent(21, true).wait_ms(2).peer_aborts(kResetAbortOnClose, 21, ClosePath::kClose);
    const Told told = play_to_one_incident(story.reset_received(0x14).call_fails(kRead, ECONNRESET));
    EXPECT_LT(told.incident.endpoint.age_us.value_or(UINT64_MAX), 10'000U);
    EXPECT_EQ(told.incident.peer->process.comm, "server");
    EXPECT_EQ(told.incident.first_close, FirstClose::kPeer);
}

}  // namespace
}  // namespace pipetrace::testing
