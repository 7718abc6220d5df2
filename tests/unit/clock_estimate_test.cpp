#include "merge/clock_estimate.h"

#include <gtest/gtest.h>

namespace pipetrace::testing {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kMs = 1'000'000;

/// The first host received it, a way of at most `way` after the second sent it.
ClockSample received(std::int64_t at, std::int64_t offset, std::int64_t delay, std::int64_t way) {
    return {at, offset + delay - way, offset + delay, 0, 0, false};
}
ClockSample sent(std::int64_t at, std::int64_t offset, std::int64_t delay, std::int64_t way) {
    return {at, offset - delay, offset - delay + way, 0, 0, false};
}

TEST(ClockEstimate, BothDirectionsNarrowItDown) {
    const std::int64_t offset = 183 * kSecond;
    ClockEstimate clock;
    clock.estimate({received(10 * kSecond, offset, 3 * kMs, 10 * kMs),
                    sent(11 * kSecond, offset, 2 * kMs, 10 * kMs),
                    received(12 * kSecond, offset, 9 * kMs, 10 * kMs)});
    ASSERT_EQ(clock.stretches().size(), 1U);
    EXPECT_LE(std::abs(clock.stretches()[0].offset - offset), 3 * kMs);
    EXPECT_LE(clock.stretches()[0].within, 3 * kMs);
    EXPECT_EQ(clock.fitting_count(), 3U);
}

/// One that a RST sent again leaves wide open says little, and takes nothing from the others.
TEST(ClockEstimate, WideSampleDoesNotWidenTheOthers) {
    ClockEstimate clock;
    std::vector<ClockSample> samples{received(9 * kSecond, 0, 0, 10 * kSecond)};
    for (std::int64_t i = 10; i < 20; ++i) samples.push_back(received(i * kSecond, 0, i % 7 * kMs, 4 * kMs));
    clock.estimate(samples);
    ASSERT_EQ(clock.stretches().size(), 1U);
    EXPECT_LE(std::abs(clock.stretches()[0].offset), 4 * kMs);
    EXPECT_LE(clock.stretches()[0].within, 8 * kMs);
}

TEST(ClockEstimate, OneSampleIsAsUncertainAsItsWay) {
    ClockEstimate clock;
    clock.estimate({received(10 * kSecond, -5 * kSecond, 0, 40 * kMs)});
    EXPECT_EQ(clock.stretches().at(0).within, 20 * kMs);
    EXPECT_EQ(clock.offset_at(0), -5 * kSecond - 20 * kMs);
}

TEST(ClockEstimate, OneThatContradictsManyIsRefused) {
    std::vector<ClockSample> samples;
    for (std::int64_t i = 0; i < 10; ++i) samples.push_back(received(i * kSecond, 7 * kSecond, kMs, 4 * kMs));
    samples.push_back(received(5 * kSecond + 1, 90 * kSecond, kMs, 4 * kMs));
    ClockEstimate clock;
    clock.estimate(samples);
    EXPECT_EQ(clock.fitting_count(), 10U);
    for (const ClockSample& sample : clock.samples()) EXPECT_EQ(sample.fits, sample.high < 80 * kSecond);
}

TEST(ClockEstimate, TwoThatContradictEachOtherAreBothRefused) {
    ClockEstimate clock;
    clock.estimate(
        {received(kSecond, 7 * kSecond, kMs, 4 * kMs), received(2 * kSecond, 90 * kSecond, kMs, 4 * kMs)});
    EXPECT_EQ(clock.fitting_count(), 0U);
    EXPECT_FALSE(clock.offset_at(kSecond));
}

/// Twenty millionths over a day are 1.7 s.
TEST(ClockEstimate, DriftIsFollowed) {
    std::vector<ClockSample> samples;
    for (std::int64_t minute = 0; minute < 24 * 60; ++minute) {
        const std::int64_t at = minute * 60 * kSecond;
        samples.push_back(received(at, 7 * kSecond + at / 50'000, kMs, 4 * kMs));
    }
    ClockEstimate clock;
    clock.estimate(samples);
    EXPECT_EQ(clock.fitting_count(), samples.size());
    EXPECT_EQ(clock.stretches().size(), 1U);
    const std::int64_t evening = 23 * 3600 * kSecond;
    EXPECT_NEAR(static_cast<double>(*clock.offset_at(evening)),
                static_cast<double>(7 * kSecond + evening / 50'000), 5e6);
}

TEST(ClockEstimate, StepMakesTwoStretches) {
    std::vector<ClockSample> samples;
    for (std::int64_t i = 0; i < 20; ++i) {
        samples.push_back(received(i * kSecond, (i < 10 ? 7 : 307) * kSecond, kMs, 4 * kMs));
    }
    ClockEstimate clock;
    clock.estimate(samples);
    EXPECT_EQ(clock.stretches().size(), 2U);
    EXPECT_EQ(clock.fitting_count(), 20U);
    EXPECT_NEAR(static_cast<double>(*clock.offset_at(15 * kSecond)), 307e9, 5e6);
}

TEST(ClockEstimate, ExtremesDoNotOverflow) {
    constexpr std::int64_t kFar = std::int64_t{1} << 61;
    ClockEstimate clock;
    clock.estimate({{kFar, kFar - kSecond, kFar, 0, 0, false}, {1, -kFar, kSecond - kFar, 0, 0, false}});
    EXPECT_EQ(clock.samples().size(), 2U);
    clock.estimate({});
    EXPECT_FALSE(clock.offset_at(0));
}

}  // namespace
}  // namespace pipetrace::testing
