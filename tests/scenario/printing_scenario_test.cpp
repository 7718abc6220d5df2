// When an incident is told, how often, and with which number.
#include "scenario.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace pipetrace::testing {
namespace {

using Words = std::vector<std::string>;

Story until_the_first_error() {
    Story story;
    return story.connected()
        .wait_ms(1)
        .peer_closed()
        .wait_ms(50)
        .sent(5, false)
        .peer_kernel_answers(kResetTimeWait)
        .reset_received()
        .write_meets_sigpipe(kSendto, Stance::kIgnored);
}

const auto spinning =
    scenario("spinning_on_epipe", {Cause::kWriteAfterPeerClose, Cause::kWriteAfterPeerClose}, [] {
        Story story = until_the_first_error();
        story.wait_ms(1500);
        for (int i = 0; i < 999; ++i) story.write_meets_sigpipe(kSendto, Stance::kIgnored);
        return story.closed_by(kClient).destroyed(kClient);
    });
const auto quiet = scenario("open_for_long", {Cause::kWriteAfterPeerClose},
                            [] { return until_the_first_error().wait_ms(3000).destroyed(kClient); });
const auto exiting = scenario("process_exits", {Cause::kWriteAfterPeerClose}, [] {
    return until_the_first_error().wait_ms(10).process_exits(0).wait_ms(200);
});
const auto shared =
    scenario("shared_after_fork", {Cause::kWriteAfterPeerClose, Cause::kWriteAfterPeerClose}, [] {
        return until_the_first_error()
            .write_meets_sigpipe(kWrite, Stance::kIgnored, kChild)
            .wait_ms(5)
            .destroyed();
    });
const auto lossy = scenario("with_loss", {Cause::kWriteAfterPeerClose}, [] {
    return until_the_first_error().wait_ms(5).lose(7).wait_ms(5).destroyed(kClient);
});
const auto lost_before = scenario("with_loss_before", {Cause::kWriteAfterPeerClose}, [] {
    Story story;
    return story.lose(7)
        .wait_ms(50)
        .connected()
        .peer_closed()
        .wait_ms(50)
        .sent(5, false)
        .peer_kernel_answers(kResetTimeWait)
        .reset_received()
        .write_meets_sigpipe(kSendto, Stance::kIgnored)
        .destroyed(kClient);
});

TEST(Printing, OneSecondAfterTheFirstError) {
    const Told told = play_to_one_incident(quiet());
    const std::int64_t late_us = microseconds_between(told.incident.at, told.printed_at);
    EXPECT_GE(late_us, 1'000'000);
    EXPECT_LE(late_us, 1'030'000) << "the second, and the time events may be late";
}

TEST(Printing, RepeatsAreToldOnceMoreAtTheEnd) {
    const std::vector<Told> told = play(spinning());
    ASSERT_EQ(told.size(), 2U);
    EXPECT_EQ(told[0].incident.id, told[1].incident.id);
    EXPECT_EQ(told[0].incident.revision, 0U);
    EXPECT_EQ(told[1].incident.revision, 1U);
    EXPECT_EQ(told[0].incident.errors.at(0).count, 1U);
    EXPECT_EQ(errors_of(told[1]), Words{"EPIPE sendto"});
    EXPECT_EQ(told[1].incident.errors.at(0).count, 1000U);
    EXPECT_EQ(told[0].incident.at, told[1].incident.at);
}

TEST(Printing, AtTheEndOfItsProcess) {
    const Told told = play_to_one_incident(exiting());
    EXPECT_FALSE(told.at_finish);
    EXPECT_LE(microseconds_between(told.incident.at, told.printed_at), 150'000);
    EXPECT_EQ(timeline_of(told).back(), "local:process_exited");
}

TEST(Printing, ProcessesThatShareASocketHaveAnIncidentEach) {
    const std::vector<Told> told = play(shared());
    ASSERT_EQ(told.size(), 2U);
    EXPECT_NE(told[0].incident.id, told[1].incident.id);
    EXPECT_EQ(told[0].incident.process.tgid, 4242U);
    EXPECT_EQ(told[1].incident.process.tgid, 4300U);
    EXPECT_EQ(errors_of(told[1]), Words{"EPIPE write"});
}

TEST(Printing, LossWhileItRanLowersCertainty) {
    const Told with_loss = play_to_one_incident(lossy());
    EXPECT_EQ(with_loss.incident.lost, 7U);
    EXPECT_EQ(with_loss.incident.verdict.cause, Cause::kWriteAfterPeerClose);
    EXPECT_EQ(with_loss.incident.verdict.confidence, Confidence::kLikely);
    const Told before = play_to_one_incident(lost_before());
    EXPECT_EQ(before.incident.lost, 0U) << "what was lost before the story has no part in it";
    EXPECT_EQ(before.incident.verdict.confidence, Confidence::kCertain);
}

/// Each fact alone may be lost. What is left is told with less certainty or as another lesser cause,
/// but no cause appears that needs a fact which never was.
TEST(Printing, NoLossInventsACause) {
    const Story story = until_the_first_error().destroyed(kClient);
    const std::vector<Arrival> all = in_order(story);
    for (std::size_t missing = 0; missing < all.size(); ++missing) {
        if (all[missing].event == nullptr) continue;
        std::vector<Arrival> rest = all;
        rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(missing));
        for (std::size_t i = missing; i < rest.size(); ++i) rest[i].lost = 1;
        for (const Told& told : play(story, rest)) {
            const Cause cause = told.incident.verdict.cause;
            EXPECT_TRUE(cause == Cause::kWriteAfterPeerClose || cause == Cause::kPeerReset ||
                        cause == Cause::kUnknown)
                << "without event " << missing << ": " << cause_name(cause);
        }
    }
}

TEST(Printing, EventsOfAnEndpointAfterItsDestructionTellNothingNew) {
    Story story = until_the_first_error().destroyed(kClient);
    const std::size_t count = play(story).size();
    story.wait_us(10).reset_received().destroyed();
    EXPECT_EQ(play(story).size(), count);
}

}  // namespace
}  // namespace pipetrace::testing
