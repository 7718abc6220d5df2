// What looks like a failure and is none, or is somebody else's.
#include "scenario.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace pipetrace::testing {
namespace {

using Words = std::vector<std::string>;

constexpr Hooks kNoPackets{true, true, false, true};

/// Row r at the end that shut down: tcp_reset() on data that comes too late; nobody sent a RST there.
const auto late_data = scenario("late_data_after_close", {}, [] {
    Story story(kNoPackets);
    return story.connected()
        .closed_by(kClient)
        .wait_ms(1)
        .reset_without_rst()
        .own_socket_answers_with_rst()
        .destroyed();
});
/// The program had closed and left before the RST came: nothing went wrong for it.
const auto closed_first = scenario("reset_after_own_close", {}, [] {
    Story story;
    return story.with_a_distant_peer()
        .connected()
        .wait_ms(1)
        .closed_by(kClient)
        .wait_ms(1)
        .reset_received()
        .destroyed();
});
/// The aborter's own error report, and nobody at the other end to be told.
const auto aborter_alone = scenario("aborter_alone", {}, [] {
    Story story;
    return story.connected()
        .wait_ms(1)
        .peer_aborts(kResetState, 0, ClosePath::kLingerZero)
        .peer_socket_error_report(ECONNRESET)
        .peer_destroyed()
        .wait_ms(300);
});
/// A blocking connect that was interrupted: a report without an error, and no RST.
const auto interrupted_connect = scenario("connect_without_error", {}, [] {
    Story story;
    return story.with_a_distant_peer().connecting().wait_ms(3).connect_gives_up().wait_ms(1);
});
const auto silent_reset = scenario("silent_reset", {Cause::kPeerReset}, [] {
    Story story;
    return story.with_a_distant_peer()
        .connected()
        .wait_ms(5)
        .reset_received(0x14)
        .wait_ms(5)
        .closed_by(kClient)
        .destroyed(kClient);
});
/// Nothing follows the reset: the trace ends first.
const auto silent_at_the_end = scenario("silent_reset_at_the_end", {Cause::kPeerReset}, [] {
    Story story;
    return story.with_a_distant_peer().connected().wait_ms(5).reset_received(0x14);
});

TEST(Decoys, TellNothing) {
    for (const auto& story : {late_data, closed_first, aborter_alone, interrupted_connect}) {
        EXPECT_TRUE(play(story()).empty());
    }
}

TEST(Decoys, ResetThatNobodyWasToldOfHasEmptyErrors) {
    for (const auto& story : {silent_reset, silent_at_the_end}) {
        const Told told = play_to_one_incident(story());
        EXPECT_EQ(errors_of(told), Words{});
        ASSERT_TRUE(told.incident.rst);
        EXPECT_EQ(told.incident.at, told.incident.rst->at) << "the time is of what killed the endpoint";
        EXPECT_EQ(told.incident.process.tgid, 4242U);
        EXPECT_EQ(told.incident.sigpipe, SigpipeFate::kNone);
    }
    EXPECT_FALSE(play_to_one_incident(silent_reset()).at_finish);
    EXPECT_TRUE(play_to_one_incident(silent_at_the_end()).at_finish);
}

}  // namespace
}  // namespace pipetrace::testing
