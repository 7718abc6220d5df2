// Nobody listens: RST in answer to the SYN.
#include "scenario.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace pipetrace::testing {
namespace {

using Words = std::vector<std::string>;

Story refused() {
    Story story;
    return story.connecting().peer_kernel_answers(kResetNoSocket).reset_received(0x14);
}

/// Row c: a second report with no error, inside connect(), says that the call failed.
const auto blocking = scenario("connection_refused_blocking", {Cause::kConnectionRefused}, [] {
    return refused().wait_us(30).connect_gives_up().closed_by(kClient).destroyed(kClient);
});
/// poll(), getsockopt(SO_ERROR), and a write all the same.
const auto non_blocking = scenario("connection_refused_non_blocking", {Cause::kConnectionRefused}, [] {
    return refused().wait_ms(1).error_taken_unseen().write_meets_sigpipe(kWrite, Stance::kIgnored);
});
const auto from_elsewhere = scenario("connection_refused_elsewhere", {Cause::kConnectionRefused}, [] {
    Story story;
    return story.with_a_distant_peer().connecting().wait_ms(8).reset_received(0x14).connect_gives_up();
});

TEST(ConnectionRefused, BlockingConnectIsToldSo) {
    const Told told = play_to_one_incident(blocking());
    EXPECT_EQ(errors_of(told), Words{"ECONNREFUSED connect"});
    EXPECT_EQ(told.incident.sigpipe, SigpipeFate::kNone);
    ASSERT_TRUE(told.incident.rst);
    EXPECT_EQ(told.incident.rst->state, TcpState::kSynSent);
    EXPECT_EQ(told.incident.rst->why, "NO_SOCKET");
    EXPECT_EQ(told.incident.first_close, FirstClose::kNone);
    EXPECT_EQ(told.incident.verdict.cause, Cause::kConnectionRefused);
    EXPECT_EQ(told.incident.verdict.confidence, Confidence::kCertain);
    EXPECT_EQ(told.incident.verdict.severity, Severity::kWarning);
    EXPECT_NE(told.incident.verdict.summary.find("127.0.0.1:2222"), std::string::npos);
}

TEST(ConnectionRefused, SoErrorIsInferredFromTheErrorThatIsGone) {
    const Told told = play_to_one_incident(non_blocking());
    EXPECT_EQ(errors_of(told), (Words{"ECONNREFUSED getsockopt inferred", "EPIPE write"}));
    EXPECT_EQ(told.incident.sigpipe, SigpipeFate::kIgnored);
    EXPECT_EQ(told.incident.verdict.cause, Cause::kConnectionRefused);
}

TEST(ConnectionRefused, FromElsewhereAFilterCannotBeExcluded) {
    const Told told = play_to_one_incident(from_elsewhere());
    EXPECT_EQ(told.incident.verdict.cause, Cause::kConnectionRefused);
    EXPECT_EQ(told.incident.verdict.confidence, Confidence::kLikely);
    EXPECT_FALSE(told.incident.peer);
}

}  // namespace
}  // namespace pipetrace::testing
