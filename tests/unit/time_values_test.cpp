#include "cli/time_values.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <string>

namespace pipetrace {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kDay = 86'400 * kSecond;
/// 2026-01-02 03:04:05.678901 UTC.
constexpr WallTime kNow{1'767'323'045 * kSecond + 678'901'000};
constexpr std::int64_t kMidnight = 1'767'312'000 * kSecond;  ///< 2026-01-02 00:00 UTC

class TimeValues : public ::testing::Test {
protected:
    void SetUp() override { use_zone("<+0200>-02:00"); }
    void TearDown() override { use_zone("UTC"); }

    static void use_zone(const char* zone) {
        ::setenv("TZ", zone, 1);
        ::tzset();
    }
    static std::int64_t parsed(const std::string& text, bool utc = true) {
        const auto at = parse_time("--since", text, kNow, utc);
        EXPECT_TRUE(at) << text;
        return at ? (*at).ns : 0;
    }
};

TEST_F(TimeValues, Words) {
    EXPECT_EQ(parsed("now"), kNow.ns);
    EXPECT_EQ(parsed("today"), kMidnight);
    EXPECT_EQ(parsed("yesterday"), kMidnight - kDay);
    EXPECT_EQ(parsed("tomorrow"), kMidnight + kDay);
    EXPECT_EQ(parsed("today", false), kMidnight - 2 * 3600 * kSecond)
        << "local midnight is two hours earlier";
}

TEST_F(TimeValues, Dates) {
    EXPECT_EQ(parsed("2026-01-02"), kMidnight);
    EXPECT_EQ(parsed("2026-01-02 03:04"), kMidnight + (3 * 3600 + 4 * 60) * kSecond);
    EXPECT_EQ(parsed("2026-01-02 03:04:05.678901"), kNow.ns);
    EXPECT_EQ(parsed("2026-01-02T03:04:05.678901Z"), kNow.ns);
    EXPECT_EQ(parsed("  2026-01-02 03:04:05 UTC ", false), kNow.ns - 678'901'000);
    EXPECT_EQ(parsed("03:04:05"), kNow.ns - 678'901'000) << "today";
    EXPECT_EQ(parsed("2024-02-29"), 1'709'164'800 * kSecond);
}

TEST_F(TimeValues, Zones) {
    EXPECT_EQ(parsed("2026-01-02 02:00", false), kMidnight) << "local";
    EXPECT_EQ(parsed("2026-01-02T01:00:00+01:00", false), kMidnight);
    EXPECT_EQ(parsed("2026-01-01T18:30:00-0530", false), kMidnight);
    EXPECT_EQ(parsed("05:04:05", false), kNow.ns - 678'901'000);
}

TEST_F(TimeValues, Spans) {
    EXPECT_EQ(parsed("-2h"), kNow.ns - 7200 * kSecond);
    EXPECT_EQ(parsed("-90"), kNow.ns - 90 * kSecond);
    EXPECT_EQ(parsed("+1h 30min"), kNow.ns + 5400 * kSecond);
    EXPECT_EQ(parsed("2 hours ago"), kNow.ns - 7200 * kSecond);
    EXPECT_EQ(parsed("1h30min ago"), kNow.ns - 5400 * kSecond);
    EXPECT_EQ(parsed("1.5 days ago"), kNow.ns - kDay * 3 / 2);
    EXPECT_EQ(parsed("-250ms"), kNow.ns - kSecond / 4);
}

TEST_F(TimeValues, Epoch) {
    EXPECT_EQ(parsed("@1767323045"), kNow.ns - 678'901'000);
    EXPECT_EQ(parsed("@1767323045.678901"), kNow.ns);
}

TEST_F(TimeValues, WhatIsNoPointInTimeIsRefused) {
    for (const char* text : {"",
                             "soon",
                             "25:00",
                             "12:60",
                             "2026-13-01",
                             "2026-02-30",
                             "2026-1",
                             "-",
                             "-2 fortnights",
                             "ago",
                             "@",
                             "@12x",
                             "2026-01-02 03:04:05 and",
                             "2026-01-02x",
                             "-1e300h",
                             "@99999999999999",
                             "03:04:05:06",
                             "3",
                             "\n",
                             "2026-01-02 03:04+99:00",
                             "1h",
                             "nowhere",
                             "-nan",
                             "- -2h"}) {
        const auto at = parse_time("--until", text, kNow, true);
        ASSERT_FALSE(at) << "'" << text << "'";
        EXPECT_NE(at.error().what.find("--until"), std::string::npos);
        EXPECT_FALSE(at.error().remedy.empty());
    }
}

}  // namespace
}  // namespace pipetrace
