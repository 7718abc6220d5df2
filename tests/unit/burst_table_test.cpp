// When many incidents are one burst, which pattern holds them together, and what is kept.
#include "correlate/burst_table.h"

#include "sample_incident.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace pipetrace {
namespace {

using testing::kSampleAt;
using testing::sample_incident;

constexpr std::uint64_t kMs = 1'000'000;

/// A connection to 10.0.0.HOST, opened long ago, that broke and was met at the same moment.
Incident reset_at(std::uint64_t ms, int host = 7) {
    static std::uint64_t number = 0;
    Incident incident = sample_incident();
    incident.id = "boot-" + std::to_string(++number);
    incident.at = kSampleAt + ms * kMs;
    incident.endpoint.remote = "10.0.0." + std::to_string(host) + ":443";
    incident.endpoint.age_us = 100'000'000 + ms * 1000;
    incident.endpoint.idle_us.reset();
    incident.peer.reset();
    incident.timeline.clear();
    incident.verdict.cause = Cause::kPeerReset;
    return incident;
}

Incident pipe_at(std::uint64_t ms, Tgid reader = 4240) {
    Incident incident = reset_at(ms);
    incident.endpoint.kind = EndpointKind::kPipe;
    incident.endpoint.remote.reset();
    incident.endpoint.age_us.reset();
    incident.peer = Peer{};
    incident.peer->process.comm = "head";
    incident.peer->process.tgid = reader;
    return incident;
}

class Bursts : public ::testing::Test {
protected:
    /// The size of the burst that it belongs to by now; 0 if none.
    std::uint64_t join(Incident incident) {
        table_.join(incident);
        last_ = incident;
        return incident.burst ? incident.burst->size : 0;
    }
    BurstPattern pattern() const { return last_.burst ? last_.burst->pattern : BurstPattern::kAlike; }
    const BurstStory& story() const { return *table_.find(last_.burst->id); }

    BurstTable table_;
    Incident last_;
};

TEST_F(Bursts, FiveWithinASecondAreOne) {
    for (std::uint64_t i = 0; i < 4; ++i) EXPECT_EQ(join(reset_at(i * 250)), 0U);
    EXPECT_EQ(join(reset_at(1000)), 5U);
    const std::string id = last_.burst->id;
    EXPECT_EQ(last_.burst->window_us, 1'000'000U);
    EXPECT_EQ(join(reset_at(1900)), 6U) << "it goes on while the next comes within a second";
    EXPECT_EQ(last_.burst->id, id);
    EXPECT_EQ(join(reset_at(3000)), 0U);
    EXPECT_EQ(table_.count(), 1U);
    EXPECT_EQ(table_.largest(9).front().burst.size, 6U);
}

TEST_F(Bursts, FourOrTooSlowAreNone) {
    for (std::uint64_t i = 0; i < 40; ++i) EXPECT_EQ(join(reset_at(i * 300)), 0U);
    EXPECT_EQ(table_.count(), 0U);
}

TEST_F(Bursts, OrderOfTellingDoesNotMatter) {
    for (const std::uint64_t ms : {900, 100, 700, 300}) EXPECT_EQ(join(reset_at(ms)), 0U);
    EXPECT_EQ(join(reset_at(500)), 5U);
    EXPECT_EQ(last_.burst->window_us, 800'000U);
}

TEST_F(Bursts, OthersThanAlikeDoNotCount) {
    for (std::uint64_t i = 0; i < 4; ++i) join(reset_at(i));
    Incident other = reset_at(5);
    other.verdict.cause = Cause::kForgedReset;
    EXPECT_EQ(join(other), 0U);
    other = reset_at(6);
    other.process.comm = "node";
    EXPECT_EQ(join(other), 0U);
    EXPECT_EQ(join(pipe_at(7)), 0U);
    EXPECT_EQ(join(reset_at(8)), 5U);
}

TEST_F(Bursts, RevisionIsNoFurtherIncident) {
    Incident first = reset_at(0);
    join(first);
    for (std::uint64_t i = 1; i < 6; ++i) join(reset_at(i));
    first.revision = 1;
    EXPECT_EQ(join(first), 6U) << "by now it is known to belong to the burst";
    EXPECT_EQ(join(reset_at(7)), 7U);
    first.id = "never seen";
    EXPECT_EQ(join(first), 0U);
}

TEST_F(Bursts, OneInstantOverManyHostsIsOne) {
    for (int host = 1; host <= 4; ++host) join(reset_at(10, host));
    EXPECT_EQ(join(reset_at(15, 5)), 5U) << "a failover or a firewall on the common path";
    EXPECT_EQ(pattern(), BurstPattern::kOneInstant);
    EXPECT_FALSE(story().remote_host);
    EXPECT_EQ(join(reset_at(700, 6)), 0U) << "not at that instant";
}

TEST_F(Bursts, ManyHostsOneAfterTheOtherAreChance) {
    for (int i = 0; i < 20; ++i) EXPECT_EQ(join(reset_at(static_cast<std::uint64_t>(i) * 100, i)), 0U);
}

TEST_F(Bursts, FiveOfOneHostAreFoundAmongOthers) {
    for (int i = 0; i < 4; ++i) {
        join(reset_at(static_cast<std::uint64_t>(i) * 240, 7));
        join(reset_at(static_cast<std::uint64_t>(i) * 240 + 3, 100 + i));
    }
    EXPECT_EQ(join(reset_at(960, 7)), 5U);
    EXPECT_EQ(story().remote_host, "10.0.0.7");
    EXPECT_EQ(join(reset_at(965, 120)), 0U);
}

TEST_F(Bursts, SameIdleAgeIsATimer) {
    for (std::uint64_t i = 0; i < 6; ++i) {
        Incident incident = reset_at(i * 200, static_cast<int>(i));
        incident.endpoint.idle_us = 350'000'000 + i * 1'000'000;
        join(incident);
    }
    EXPECT_EQ(last_.burst->size, 6U) << "over several hosts too";
    EXPECT_EQ(pattern(), BurstPattern::kSameIdleAge);
    EXPECT_EQ(story().idle_us_min, 350'000'000U);
    EXPECT_EQ(story().idle_us_max, 355'000'000U);
}

TEST_F(Bursts, DifferentOrShortSilencesAreNoTimer) {
    for (const std::uint64_t step_us : {40'000'000, 10}) {
        for (std::uint64_t i = 0; i < 5; ++i) {
            Incident incident = reset_at(10'000 + step_us + i * 200);
            incident.endpoint.idle_us = i * step_us;
            join(incident);
        }
        EXPECT_EQ(last_.burst->size, 5U);
        EXPECT_EQ(pattern(), BurstPattern::kAlike);
    }
}

/// A pool that was used together goes silent together.
TEST_F(Bursts, OfOneInstantAndOneAgeTheCauseDecides) {
    for (const Cause cause : {Cause::kPeerReset, Cause::kIdleConnectionReset}) {
        for (std::uint64_t i = 0; i < 5; ++i) {
            Incident incident = reset_at(i);
            incident.endpoint.idle_us = 60'000'000;
            incident.verdict.cause = cause;
            join(incident);
        }
        EXPECT_EQ(pattern(), cause == Cause::kPeerReset ? BurstPattern::kOneInstant
                                                        : BurstPattern::kSameIdleAge);
    }
}

/// One after the other in a loop: nothing ended them together.
TEST_F(Bursts, ConnectionsThatWereNeverOpenTogetherShareNoInstant) {
    for (std::uint64_t i = 0; i < 5; ++i) {
        Incident incident = reset_at(i * 10);
        incident.endpoint.age_us = 2'000;
        join(incident);
    }
    EXPECT_EQ(last_.burst->size, 5U);
    EXPECT_EQ(pattern(), BurstPattern::kAlike);
}

TEST_F(Bursts, HealthChecksAreKnownByTheirEmptiness) {
    for (std::uint64_t i = 0; i < 5; ++i) {
        Incident incident = reset_at(i * 200);
        incident.endpoint.bytes_sent = incident.endpoint.bytes_received = 0;
        incident.endpoint.age_us = 3'000;
        incident.verdict.severity = Severity::kBenign;
        join(incident);
    }
    EXPECT_EQ(pattern(), BurstPattern::kNoBytes);
    EXPECT_EQ(story().severity, Severity::kBenign);
}

TEST_F(Bursts, PipesShareAnInstantWhereOneProcessReadAllOfThem) {
    for (std::uint64_t i = 0; i < 5; ++i) join(pipe_at(i));
    EXPECT_EQ(pattern(), BurstPattern::kOneInstant);
    for (Tgid i = 0; i < 5; ++i) join(pipe_at(9000 + i, i + 1));
    EXPECT_EQ(last_.burst->size, 5U) << "one peer's name is enough to be alike";
    EXPECT_EQ(pattern(), BurstPattern::kAlike);
}

TEST_F(Bursts, StoryTellsOnlyWhatAllShare) {
    for (std::uint64_t i = 0; i < 5; ++i) join(reset_at(i));
    EXPECT_EQ(story().tgid, 4242U);
    EXPECT_EQ(story().error, EPIPE);
    EXPECT_EQ(story().comm, "python3");
    Incident other = reset_at(6);
    other.process.tgid = 4243;
    other.errors.clear();
    join(other);
    EXPECT_FALSE(story().tgid);
    EXPECT_FALSE(story().error);
    EXPECT_EQ(story().remote_host, "10.0.0.7");
}

TEST(BurstTable, IsBoundedAndCountsWhatItForgot) {
    BurstTable table({8, 32, 4});
    for (int i = 0; i < 100; ++i) {
        for (std::uint64_t alike = 0; alike < 6; ++alike) {
            Incident incident = reset_at(static_cast<std::uint64_t>(i));
            incident.process.comm = "p" + std::to_string(i);
            table.join(incident);
        }
    }
    EXPECT_EQ(table.groups(), 8U);
    EXPECT_EQ(table.evicted(), 92U);
    EXPECT_EQ(table.count(), 100U);
    EXPECT_EQ(table.largest(100).size(), 12U);
}

}  // namespace
}  // namespace pipetrace
