// The write had left before the peer's FIN arrived: nothing was sent in CLOSE_WAIT.
#include "scenario.h"

#include <gtest/gtest.h>

namespace pipetrace::testing {
namespace {

Story crossing_write(Hooks hooks) {
    Story story(hooks);
    return story.connected()
        .wait_ms(30)
        .sent(5, false)
        .peer_closed()
        .peer_kernel_answers(kReasonTimeWait)
        .reset_received()
        .wait_us(50)
        .write_meets_sigpipe(kSendto, Stance::kIgnored);
}

const auto race = scenario("close_race", {Cause::kCloseRace}, [] { return crossing_write({}); });
const auto race_few_hooks =
    scenario("close_race_few_hooks", {Cause::kCloseRace}, [] { return crossing_write(kFewHooks); });

TEST(CloseRace, DiffersFromALateWriteByWhenTheDataLeft) {
    for (const auto& story : {race, race_few_hooks}) {
        const Told told = play_to_one_incident(story());
        EXPECT_EQ(told.incident.verdict.cause, Cause::kCloseRace);
        EXPECT_EQ(told.incident.verdict.confidence, Confidence::kCertain);
        EXPECT_EQ(told.incident.verdict.severity, Severity::kWarning);
        EXPECT_EQ(told.incident.first_close, FirstClose::kPeer);
        EXPECT_NE(rejected_because(told, Cause::kWriteAfterPeerClose), "");
    }
}

}  // namespace
}  // namespace pipetrace::testing
