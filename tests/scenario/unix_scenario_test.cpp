// A unix socket whose other end has gone or was shut down.
#include "scenario.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace pipetrace::testing {
namespace {

using Words = std::vector<std::string>;
using std::string_view_literals::operator""sv;

constexpr int kSigkill = 9;

const auto closed = scenario("unix_peer_closed", {Cause::kUnixPeerClosed}, [] {
    Story story;
    return story.on_a_unix_socket()
        .named("", "/run/app.sock")
        .wait_ms(1)
        .other_end_closes()
        .wait_ms(5)
        .write_meets_sigpipe(kSendto, Stance::kIgnored)
        .write_meets_sigpipe(kSendto, Stance::kIgnored)
        .process_exits(0);
});
const auto unread = scenario("unix_peer_unread_data", {Cause::kUnixPeerUnreadData}, [] {
    Story story;
    return story.on_a_unix_socket()
        .named("", "/run/app.sock")
        .other_end_closes(5)
        .wait_ms(5)
        .call_fails(kRecvfrom, ECONNRESET)
        .write_meets_sigpipe(kSendto, Stance::kIgnored)
        .process_exits(0);
});
const auto died = scenario("unix_peer_died", {Cause::kUnixPeerDied}, [] {
    Story story;
    return story.on_a_unix_socket()
        .other_end_exits(kSigkill, 5)
        .call_fails(kRecvfrom, ECONNRESET)
        .process_exits(0x100);
});
const auto reading_shut = scenario("unix_peer_shuts_down_reading", {Cause::kUnixPeerClosed}, [] {
    Story story;
    return story.on_a_unix_socket()
        .other_end_shuts_down(kReceiveShutdown)
        .write_meets_sigpipe(kWrite, Stance::kDefault)
        .process_exits(13);
});
const auto own_shut = scenario("unix_local_shutdown", {Cause::kLocalShutdown}, [] {
    Story story;
    return story.on_a_unix_socket()
        .own_end_shuts_down(kChild)
        .wait_ms(2)
        .other_end_closes()
        .write_meets_sigpipe(kSendto, Stance::kIgnored);
});
/// Without a hook on unix_shutdown() the two leave the same state behind.
const auto shut_unseen = scenario("unix_shutdown_unseen", {Cause::kUnknown}, [] {
    Story story;
    return story.on_a_unix_socket().own_end_shut_down_unseen().write_meets_sigpipe(kSendto, Stance::kIgnored);
});
/// Nobody saw it close, nor who held it.
const auto closed_unseen = scenario("unix_peer_unseen", {Cause::kUnixPeerClosed}, [] {
    Story story;
    return story.on_a_unix_socket().other_end_closes_unseen().write_meets_sigpipe(kSendto, Stance::kIgnored);
});
const auto holder_known = scenario("unix_peer_last_seen", {Cause::kUnixPeerClosed}, [] {
    Story story;
    return story.on_a_unix_socket().other_end_last_seen().other_end_closes_unseen().call_fails(kSendQuietly,
                                                                                               EPIPE);
});
const auto seqpacket = scenario("unix_seqpacket", {Cause::kUnixPeerUnreadData}, [] {
    Story story;
    return story.on_a_unix_socket(SocketType::kSeqpacket)
        .other_end_closes(5)
        .call_fails(kSendto, ECONNRESET)
        .call_fails(kSendto, EPIPE)
        .call_fails(kSendto, EPIPE)
        .destroyed();
});
/// A log daemon that restarts: the first message is refused, and then the socket is not connected.
const auto log_datagram = scenario("unix_dgram_receiver_gone", {Cause::kUnixPeerClosed}, [] {
    Story story;
    story.on_a_unix_socket(SocketType::kDatagram).named("", "/dev/log").other_end_exits();
    return story.receiver_forgotten().call_fails(kSendto, ECONNREFUSED).call_fails(kSendto, ENOTCONN);
});
const auto never_connected = scenario("unix_never_connected", {Cause::kNotConnected}, [] {
    Story story;
    return story.on_a_unix_socket().receiver_forgotten().call_fails(kSendto, ENOTCONN);
});
const auto not_accepted = scenario("unix_never_accepted", {Cause::kUnixPeerClosed}, [] {
    Story story;
    return story.on_a_unix_socket()
        .named("", "/run/app.sock")
        .listener_closes()
        .call_fails(kRecvfrom, ECONNRESET);
});
/// Where no hook shows receives, the ECONNRESET that one took is inferred.
const auto reset_unseen = scenario("unix_reset_taken_unseen", {Cause::kUnixPeerUnreadData}, [] {
    Story story(kFewHooks);
    return story.on_a_unix_socket()
        .other_end_closes(5)
        .call_fails(kRecvfrom, ECONNRESET)
        .write_meets_sigpipe(kSendto, Stance::kIgnored);
});
const auto gone_before = scenario("unix_peer_gone_before_the_trace", {Cause::kUnixPeerUnreadData}, [] {
    Story story;
    return story.on_a_unix_socket().other_end_gone_before_trace().call_fails(kRecvfrom, ECONNRESET);
});

TEST(UnixPeerClosed, NamesWhoClosedWhenAndWhere) {
    const Told told = play_to_one_incident(closed());
    EXPECT_EQ(told.incident.endpoint.kind, EndpointKind::kUnix);
    EXPECT_EQ(told.incident.endpoint.remote, "/run/app.sock");
    EXPECT_EQ(told.incident.endpoint.local, std::nullopt);
    EXPECT_EQ(errors_of(told), Words{"EPIPE sendto"});
    EXPECT_EQ(told.incident.errors.front().count, 2U);
    EXPECT_EQ(told.incident.sigpipe, SigpipeFate::kIgnored);
    EXPECT_EQ(told.incident.verdict.confidence, Confidence::kCertain);
    EXPECT_EQ(told.incident.verdict.severity, Severity::kFault);
    EXPECT_EQ(told.incident.first_close, FirstClose::kPeer);
    EXPECT_FALSE(told.incident.rst);
    ASSERT_TRUE(told.incident.peer);
    EXPECT_EQ(told.incident.peer->process.comm, "server");
    EXPECT_EQ(told.incident.peer->action, PeerAction::kClose);
    EXPECT_EQ(told.incident.peer->unread_bytes, 0U);
    EXPECT_EQ(evidence_of(told), (Words{"peer:closed", "local:sigpipe_generated", "local:call_failed"}));
    EXPECT_NE(rejected_because(told, Cause::kUnixPeerDied), "");
    EXPECT_NE(rejected_because(told, Cause::kLocalShutdown), "");
}

TEST(UnixPeerUnreadData, CountsWhatLayUnread) {
    const Told told = play_to_one_incident(unread());
    EXPECT_EQ(errors_of(told), (Words{"ECONNRESET recvfrom", "EPIPE sendto"}));
    EXPECT_EQ(told.incident.peer->unread_bytes, 5U);
    EXPECT_NE(told.incident.verdict.summary.find("5 bytes"), std::string::npos);
}

/// The kernel cleared it away in whatever process was there, which has no part in it.
TEST(UnixPeerUnreadData, EndThatNobodyHeldNamesNobody) {
    Story story;
    story.on_a_unix_socket().other_end_is_collected(5).write_meets_sigpipe(kSendto, Stance::kIgnored);
    const Told told = play_to_one_incident(story);
    EXPECT_FALSE(told.incident.peer);
    EXPECT_EQ(told.incident.verdict.confidence, Confidence::kCertain);
    EXPECT_EQ(told.incident.first_close, FirstClose::kPeer);
    EXPECT_NE(told.incident.verdict.summary.find("The other end closed the socket"), std::string::npos)
        << told.incident.verdict.summary;
    EXPECT_NE(told.incident.verdict.summary.find("5 bytes"), std::string::npos);
}

TEST(UnixPeerDied, ComesBeforeUnreadData) {
    const Told told = play_to_one_incident(died());
    EXPECT_EQ(told.incident.peer->action, PeerAction::kKilled);
    EXPECT_EQ(told.incident.sigpipe, SigpipeFate::kNone);
    EXPECT_NE(told.incident.verdict.summary.find("SIGKILL"), std::string::npos);
}

TEST(UnixPeerClosed, ShutdownOfTheOtherEndsReadingIsItsDoing) {
    const Told told = play_to_one_incident(reading_shut());
    EXPECT_EQ(told.incident.peer->action, PeerAction::kShutdown);
    EXPECT_EQ(told.incident.verdict.confidence, Confidence::kCertain);
    EXPECT_EQ(timeline_of(told).front(), "peer:shut_down");
    EXPECT_EQ(told.incident.timeline.front().detail.at("direction"), Details::Value("receiving"));
    EXPECT_EQ(told.incident.sigpipe, SigpipeFate::kKilled);
}

TEST(LocalShutdown, OwnShutdownOfAUnixSocketComesFirst) {
    const Told told = play_to_one_incident(own_shut());
    EXPECT_EQ(told.incident.first_close, FirstClose::kLocal);
    EXPECT_EQ(told.incident.verdict.confidence, Confidence::kCertain);
    EXPECT_NE(told.incident.verdict.summary.find("worker[4300], which shares it,"), std::string::npos);
    EXPECT_EQ(timeline_of(told).front(), "local:shut_down");
}

TEST(UnixUnknown, WhoShutItDownIsNotGuessed) {
    const Told told = play_to_one_incident(shut_unseen());
    EXPECT_EQ(told.incident.first_close, std::nullopt);
    EXPECT_FALSE(told.incident.peer);
    EXPECT_NE(told.incident.verdict.summary.find("shutdown()"), std::string::npos);
}

TEST(UnixPeerClosed, EndThatNobodySawCloseIsOnlyLikely) {
    const Told told = play_to_one_incident(closed_unseen());
    EXPECT_FALSE(told.incident.peer);
    EXPECT_EQ(told.incident.first_close, FirstClose::kPeer);
    EXPECT_EQ(told.incident.verdict.confidence, Confidence::kLikely);
}

TEST(UnixPeerClosed, LastHolderSeenClosedIt) {
    const Told told = play_to_one_incident(holder_known());
    EXPECT_EQ(told.incident.peer->process.comm, "server");
    EXPECT_EQ(told.incident.peer->action, PeerAction::kClose);
    EXPECT_EQ(told.incident.peer->unread_bytes, std::nullopt) << "nobody looked";
    EXPECT_EQ(told.incident.verdict.confidence, Confidence::kLikely);
    EXPECT_EQ(told.incident.sigpipe, SigpipeFate::kSuppressed);
}

TEST(UnixSeqpacket, EpipeComesWithoutASignal) {
    const Told told = play_to_one_incident(seqpacket());
    EXPECT_EQ(errors_of(told), (Words{"ECONNRESET sendto", "EPIPE sendto"}));
    EXPECT_EQ(told.incident.errors.back().count, 2U);
    EXPECT_EQ(told.incident.sigpipe, SigpipeFate::kNone);
}

TEST(UnixDatagram, ReceiverIsRememberedAfterTheSocketForgotIt) {
    const Told told = play_to_one_incident(log_datagram());
    EXPECT_EQ(errors_of(told), (Words{"ECONNREFUSED sendto", "ENOTCONN sendto"}));
    EXPECT_EQ(told.incident.endpoint.remote, "/dev/log");
    EXPECT_EQ(told.incident.peer->action, PeerAction::kExit);
    EXPECT_EQ(told.incident.sigpipe, SigpipeFate::kNone);
    EXPECT_EQ(told.incident.verdict.confidence, Confidence::kCertain);
}

TEST(UnixDatagram, OwnShutdownShowsAtThisEndAlone) {
    Story story;
    story.on_a_unix_socket(SocketType::kDatagram).own_end_shut_down_unseen().call_fails(kSendto, EPIPE);
    const Told told = play_to_one_incident(story);
    EXPECT_EQ(told.incident.verdict.cause, Cause::kLocalShutdown);
    EXPECT_EQ(told.incident.verdict.confidence, Confidence::kCertain);
    EXPECT_EQ(told.incident.first_close, FirstClose::kLocal);
}

TEST(UnixDatagram, EpipeWithoutItIsTheReceiversShutdown) {
    Story story;
    story.on_a_unix_socket(SocketType::kDatagram).call_fails(kSendto, EPIPE);
    const Told told = play_to_one_incident(story);
    EXPECT_EQ(told.incident.verdict.cause, Cause::kUnixPeerClosed);
    EXPECT_EQ(told.incident.verdict.confidence, Confidence::kCertain);
    EXPECT_EQ(told.incident.first_close, FirstClose::kPeer);
}

TEST(UnixNotConnected, NoOtherEndIsNoFaultOfAPeer) {
    const Told told = play_to_one_incident(never_connected());
    EXPECT_EQ(told.incident.first_close, FirstClose::kNone);
    EXPECT_FALSE(told.incident.peer);
    EXPECT_NE(told.incident.verdict.summary.find("unix socket"), std::string::npos);
}

TEST(UnixPeerClosed, ConnectionThatWasNeverAcceptedHasNoUnreadData) {
    const Told told = play_to_one_incident(not_accepted());
    EXPECT_EQ(told.incident.verdict.confidence, Confidence::kCertain);
    EXPECT_EQ(told.incident.peer->unread_bytes, 0U);
    EXPECT_EQ(told.incident.peer->action, PeerAction::kClose);
    EXPECT_NE(told.incident.verdict.summary.find("listener"), std::string::npos);
}

TEST(UnixPeerUnreadData, OfAConnectionThatWasNeverAcceptedTellsTheListenersClose) {
    Story story;
    story.on_a_unix_socket().listener_closes(5).call_fails(kRecvfrom, ECONNRESET);
    const Told told = play_to_one_incident(story);
    EXPECT_EQ(told.incident.verdict.cause, Cause::kUnixPeerUnreadData);
    EXPECT_NE(told.incident.verdict.summary.find("closed its listener"), std::string::npos);
    EXPECT_NE(told.incident.verdict.summary.find("5 bytes"), std::string::npos)
        << told.incident.verdict.summary;
}

TEST(UnixPeerUnreadData, ErrorThatNoHookSawTakenIsInferred) {
    const Told told = play_to_one_incident(reset_unseen());
    EXPECT_EQ(errors_of(told), (Words{"ECONNRESET ? inferred", "EPIPE sendto"}));
}

TEST(UnixPeerUnreadData, CloseBeforeTheTraceIsOnlyLikely) {
    const Told told = play_to_one_incident(gone_before());
    EXPECT_EQ(told.incident.verdict.confidence, Confidence::kLikely);
    EXPECT_TRUE(told.incident.facts.older_than_trace);
    EXPECT_FALSE(told.incident.peer);
}

TEST(UnixNames, AbstractNameIsWrittenWithAnAt) {
    Story story;
    story.on_a_unix_socket().named("\0session"sv, "/tmp/a\0left over"sv).other_end_closes();
    const Told told = play_to_one_incident(story.call_fails(kSendQuietly, EPIPE));
    EXPECT_EQ(told.incident.endpoint.local, "@session");
    EXPECT_EQ(told.incident.endpoint.remote, "/tmp/a");
}

/// Two processes share the socket after fork: each is told by its own calls, and has its own incident.
TEST(UnixShared, EachProcessThatIsToldHasItsIncident) {
    Story story;
    story.on_a_unix_socket().other_end_closes();
    story.call_fails(kSendQuietly, EPIPE).call_fails(kSendQuietly, EPIPE, kChild);
    const std::vector<Told> told = play(story);
    ASSERT_EQ(told.size(), 2U);
    EXPECT_EQ(told[0].incident.process.comm, "client");
    EXPECT_EQ(told[1].incident.process.comm, "worker");
    for (const Told& one : told) EXPECT_EQ(one.incident.verdict.cause, Cause::kUnixPeerClosed);
}

}  // namespace
}  // namespace pipetrace::testing
