// That each connection has one decision while it lasts, and that nothing is kept of it afterwards. What is
// told and counted by those decisions is tested by tests/simulation.
#include "correlate/connection_sampler.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <utility>

namespace pipetrace {
namespace {

constexpr std::uint64_t kSecret = 0x5eed;
constexpr std::uint64_t kMs = 1'000'000;
constexpr std::uint64_t kSecondNs = 1'000 * kMs;
constexpr Ktime kBegin{100 * kSecondNs};
/// Long after everything that a sampler waits for.
constexpr Ktime kLater{kBegin.ns + 60 * kSecondNs};

Address address(std::uint8_t last, std::uint16_t port) {
    Address made;
    made.ip[10] = made.ip[11] = 0xff;
    made.ip[12] = 10;
    made.ip[15] = last;
    made.port = port;
    return made;
}

/// Of connection `number`, the end that connected; `id` 0: no socket.
Endpoint end_of(std::uint64_t id, std::uint32_t number) {
    Endpoint end;
    end.kind = EndpointKind::kTcp;
    end.id = id;
    end.netns = 1;
    end.local = address(1, static_cast<std::uint16_t>(1024 + number % 60'000));
    end.remote = address(2, static_cast<std::uint16_t>(80 + number / 60'000));
    return end;
}

Endpoint mirrored(Endpoint end, std::uint64_t id) {
    end.id = id;
    std::swap(end.local, end.remote);
    return end;
}

Endpoint pipe(std::uint64_t id) {
    Endpoint end;
    end.kind = EndpointKind::kPipe;
    end.id = id;
    return end;
}

template <typename Body>
Event event_at(Ktime at, const Endpoint& end) {
    Body body;
    body.endpoint = end;
    return {at, {}, false, body};
}

bool fails(ConnectionSampler& sampler, const Endpoint& end, Ktime at = kBegin) {
    return sampler.is_told(event_at<CallFailed>(at, end));
}
bool ends(ConnectionSampler& sampler, const Endpoint& end, Ktime at = kBegin) {
    return sampler.is_told(event_at<EndpointDestroyed>(at, end));
}
bool is_answered_without_socket(ConnectionSampler& sampler, const Endpoint& end, Ktime at = kBegin) {
    return sampler.is_told(event_at<ResetSent>(at, end));
}

TEST(ConnectionSampler, TellsTheShareThatItIsAskedFor) {
    constexpr std::uint32_t kConnections = 20'000;
    ConnectionSampler sampler(kSecret);
    sampler.set_share(0.25);
    std::uint32_t told = 0;
    for (std::uint32_t i = 0; i < kConnections; ++i) told += fails(sampler, end_of(1 + i, i)) ? 1 : 0;
    EXPECT_GT(told, kConnections / 4 - 400U) << "more than six standard deviations";
    EXPECT_LT(told, kConnections / 4 + 400U);
}

TEST(ConnectionSampler, AConnectionKeepsItsDecisionAndBothEndsShareIt) {
    ConnectionSampler sampler(kSecret);
    for (std::uint32_t i = 0; i < 100; ++i) {
        sampler.set_share(i % 2 == 0 ? 0.0 : 1.0);
        const bool is_told = fails(sampler, end_of(2 * i + 1, i));
        EXPECT_EQ(is_told, i % 2 != 0);
        sampler.set_share(i % 2 == 0 ? 1.0 : 0.0);
        EXPECT_EQ(fails(sampler, end_of(2 * i + 1, i)), is_told) << "sticky";
        EXPECT_EQ(fails(sampler, mirrored(end_of(0, i), 2 * i + 2)), is_told) << "the other end";
        EXPECT_EQ(fails(sampler, pipe(1000 + i)), i % 2 == 0) << "a pipe is another matter";
    }
    EXPECT_EQ(sampler.evicted(), 0U);
}

TEST(ConnectionSampler, KeepsNothingOfWhatIsOver) {
    ConnectionSampler sampler(kSecret);
    for (std::uint32_t i = 0; i < 1000; ++i) {
        sampler.set_share(i % 2 == 0 ? 0.0 : 1.0);
        const Endpoint connected = end_of(2 * i + 1, i);
        const Endpoint accepted = mirrored(connected, 2 * i + 2);
        for (const Endpoint& end : {connected, accepted}) fails(sampler, end);
        for (const Endpoint& end : {connected, accepted}) ends(sampler, end);
    }
    EXPECT_GT(sampler.size(), 0U);
    sampler.advance_to(kLater);
    EXPECT_EQ(sampler.size(), 0U);
    EXPECT_EQ(sampler.evicted(), 0U);
}

/// No record tells when a process that lives on lets go of one.
TEST(ConnectionSampler, KeepsNoPipeThatIsSilent) {
    constexpr std::uint64_t kMinuteNs = 60'000'000'000;
    ConnectionSampler sampler(kSecret);
    for (std::uint64_t id = 1; id <= 1000; ++id) fails(sampler, pipe(id));
    const Ktime later{kBegin.ns + kMinuteNs / 2};
    for (std::uint64_t id = 1; id <= 10; ++id) fails(sampler, pipe(id), later);
    sampler.advance_to(Ktime{kBegin.ns + kMinuteNs});
    EXPECT_EQ(sampler.size(), 10U);
    sampler.advance_to(Ktime{kBegin.ns + 2 * kMinuteNs});
    EXPECT_EQ(sampler.size(), 0U);
    EXPECT_EQ(sampler.evicted(), 0U);
}

/// A refused client may keep its socket for long: what was kept of the RST goes with it at the latest.
TEST(ConnectionSampler, KeepsNothingOfAnAnswerWithoutASocket) {
    for (const std::uint64_t lives_ns : {10 * kMs, 30 * kSecondNs}) {
        ConnectionSampler sampler(kSecret);
        for (std::uint32_t i = 0; i < 100; ++i) {
            const Endpoint refused = end_of(i + 1, i);
            is_answered_without_socket(sampler, mirrored(refused, 0));
            fails(sampler, refused);
        }
        for (std::uint64_t passed_ns = 0; passed_ns <= lives_ns; passed_ns += 10 * kMs)
            sampler.advance_to(kBegin + passed_ns);
        for (std::uint32_t i = 0; i < 100; ++i) ends(sampler, end_of(i + 1, i), kBegin + lives_ns);
        sampler.advance_to(kLater);
        EXPECT_EQ(sampler.size(), 0U) << "it lived for " << lives_ns / kMs << " ms";
    }
}

TEST(ConnectionSampler, AnswersWithoutASocketAreBounded) {
    constexpr std::size_t kEndsMax = 400;
    ConnectionSampler sampler(kSecret, kEndsMax);
    for (std::uint32_t i = 0; i < 10'000; ++i) {
        is_answered_without_socket(sampler, end_of(0, i));
        ASSERT_LE(sampler.size(), kEndsMax / 4 + 1) << "a port scan, all at once";
    }
    sampler.advance_to(kLater);
    EXPECT_EQ(sampler.size(), 0U);
}

TEST(ConnectionSampler, EndsAreBoundedAndThoseGivenUpAreCounted) {
    constexpr std::size_t kEndsMax = 100;
    ConnectionSampler sampler(kSecret, kEndsMax);
    for (std::uint32_t i = 0; i < kEndsMax; ++i) fails(sampler, end_of(i + 1, i));
    EXPECT_EQ(sampler.evicted(), 0U) << "all of them have room";
    for (std::uint32_t i = kEndsMax; i < 1000; ++i) {
        fails(sampler, end_of(i + 1, i));
        ASSERT_LE(sampler.size(), 2 * kEndsMax) << "ends, and the pairs that they are of";
    }
    EXPECT_EQ(sampler.evicted(), 1000U - kEndsMax);
}

TEST(ConnectionSampler, AnEndThatIsOverMakesRoomUncounted) {
    constexpr std::size_t kEndsMax = 100;
    ConnectionSampler sampler(kSecret, kEndsMax);
    for (std::uint32_t i = 0; i < kEndsMax; ++i) {
        fails(sampler, end_of(i + 1, i));
        ends(sampler, end_of(i + 1, i));
    }
    // Once round: those that were asked for again have their second chance.
    for (std::uint32_t i = 0; i < kEndsMax; ++i) fails(sampler, end_of(1000 + i, 1000 + i));
    EXPECT_EQ(sampler.evicted(), 0U);
}

/// What is asked for again and again stays, whatever comes.
TEST(ConnectionSampler, OneInUseHasASecondChance) {
    constexpr std::size_t kEndsMax = 100;
    ConnectionSampler sampler(kSecret, kEndsMax);
    sampler.set_share(0);
    EXPECT_FALSE(fails(sampler, end_of(1, 1)));
    sampler.set_share(1);
    for (std::uint32_t i = 2; i < 5000; ++i) {
        fails(sampler, end_of(i, i));
        ASSERT_FALSE(fails(sampler, end_of(1, 1))) << i;
    }
}

}  // namespace
}  // namespace pipetrace
