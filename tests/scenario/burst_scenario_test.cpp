// Many alike together: one story with a count, by what holds them together.
#include "scenario.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace pipetrace::testing {
namespace {

constexpr std::uint16_t kMany = 12;

/// So many stories with a distant peer, the next `apart_us` after the one before.
template <typename Tell>
Story many(std::uint16_t count, std::uint64_t apart_us, Tell tell) {
    Story all;
    for (std::uint16_t i = 0; i < count; ++i) {
        Story one;
        one.with_a_distant_peer().numbered(i).wait_us(i * apart_us);
        all.together_with(tell(one));
    }
    return all.wait_ms(2500);
}

/// 12 clients of one host are lost in the same instant: a firewall, a failover.
Story lost_at_once() {
    return many(kMany, 300, [](Story& one) {
        one.connected().sent(300, true).received(900).wait_ms(20).reset_received();
        return one.call_fails(kRecvfrom, ECONNRESET).destroyed(kClient);
    });
}
/// Each was used when it liked, and broke at the same age.
Story lost_at_one_age() {
    return many(6, 140'000, [](Story& one) {
        one.connected().sent(300, true).received(900).wait_ms(60'000).sent(300, false);
        return one.wait_ms(12).reset_received().call_fails(kRecvfrom, ECONNRESET).destroyed(kClient);
    });
}
Story health_checks() {
    return many(6, 100'000, [](Story& one) {
        one.accepted().wait_ms(1).reset_received(0x14);
        return one.call_fails(kRecvfrom, ECONNRESET).destroyed(kClient);
    });
}

const auto failover = scenario("burst_of_one_instant", std::vector<Cause>(kMany, Cause::kPeerReset), lost_at_once);
const auto timer = scenario("burst_of_one_age", std::vector<Cause>(6, Cause::kIdleConnectionReset), lost_at_one_age);

std::vector<Burst> bursts_of(const Story& story) {
    std::vector<Burst> bursts;
    for (const Told& told : play(story)) bursts.push_back(told.incident.burst.value_or(Burst{}));
    return bursts;
}

/// cloudnative-pg#5535: 10 to 20 clients lost in the same instant; all had passed one firewall.
TEST(BurstStory, ClientsLostAtOnceAreOneBurst) {
    const std::vector<Burst> bursts = bursts_of(failover());
    ASSERT_EQ(bursts.size(), kMany);
    for (std::size_t i = 0; i < bursts.size(); ++i) {
        EXPECT_EQ(bursts[i].size, i < 4 ? 0 : i + 1) << "the count so far";
        if (i < 4) continue;
        EXPECT_EQ(bursts[i].pattern, BurstPattern::kOneInstant);
        EXPECT_EQ(bursts[i].id, bursts[4].id);
    }
}

/// reactor-netty#1774, #938, #764: the same idle age over many.
TEST(BurstStory, SameAgeOverManyIsATimer) {
    const std::vector<Burst> bursts = bursts_of(timer());
    ASSERT_EQ(bursts.size(), 6U);
    EXPECT_EQ(bursts.back().size, 6U);
    EXPECT_EQ(bursts.back().pattern, BurstPattern::kSameIdleAge);
}

/// haproxy#560, node-fast#15: from another host only the RST is seen, but nothing that we sent can have
/// drawn it.
TEST(BurstStory, FloodOfHealthChecksIsBenign) {
    const std::vector<Told> printed = play(health_checks());
    ASSERT_EQ(printed.size(), 6U);
    for (const Told& told : printed) {
        EXPECT_EQ(told.incident.verdict.severity, Severity::kBenign);
        EXPECT_NE(told.incident.verdict.summary.find("a health check, not a fault"), std::string::npos);
    }
    EXPECT_EQ(printed.back().incident.burst->pattern, BurstPattern::kNoBytes);
}

/// A client that is reset at once has met a fault, however little it carried.
TEST(BurstStory, ClientThatIsResetAtOnceIsNoHealthCheck) {
    Story story;
    story.with_a_distant_peer().connected().wait_ms(1).reset_received(0x14);
    const Told told = play_to_one_incident(story.call_fails(kRecvfrom, ECONNRESET));
    EXPECT_EQ(told.incident.verdict.severity, Severity::kFault);
}

}  // namespace
}  // namespace pipetrace::testing
