#include "model/quantity_text.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

namespace pipetrace {
namespace {

TEST(DurationText, PicksTheUnitAPersonWould) {
    EXPECT_EQ(duration_text(0), "0 us");
    EXPECT_EQ(duration_text(213), "213 us");
    EXPECT_EQ(duration_text(12'399), "12.3 ms");
    EXPECT_EQ(duration_text(999'999), "999.9 ms");
    EXPECT_EQ(duration_text(1'003'000), "1.003 s");
    EXPECT_EQ(duration_text(125'000'000), "2 min 5 s");
    EXPECT_EQ(duration_text(3ULL * 3600 * 1'000'000 + 7ULL * 60 * 1'000'000), "3 h 7 min");
    EXPECT_EQ(duration_text(52ULL * 3600 * 1'000'000), "2 d 4 h");
}

TEST(OffsetText, IsSignedAndItsUnitsAlign) {
    EXPECT_EQ(offset_text(0), "0   ");
    EXPECT_EQ(offset_text(-213), "-0.213 ms");
    EXPECT_EQ(offset_text(40), "+0.040 ms");
    EXPECT_EQ(offset_text(-45'678), "-45.7 ms");
    EXPECT_EQ(offset_text(-1'003'000), "-1.003 s ");
    EXPECT_EQ(offset_text(-1'200'000'000), "-1200 s ");
}

TEST(SizeText, IsExactWhileSmall) {
    EXPECT_EQ(size_text(0), "0 B");
    EXPECT_EQ(size_text(9999), "9999 B");
    EXPECT_EQ(size_text(10240), "10.0 KiB");
    EXPECT_EQ(size_text(5ULL * 1024 * 1024), "5.0 MiB");
    EXPECT_EQ(byte_count_text(1), "1 byte");
    EXPECT_EQ(byte_count_text(5), "5 bytes");
}

TEST(SignalText, NamesSignals) {
    EXPECT_EQ(signal_text(9), "SIGKILL");
    EXPECT_EQ(signal_text(13), "SIGPIPE");
    EXPECT_EQ(signal_text(200), "signal 200");
}

/// The zone is the process's: each test sets its own and puts the old one back.
class TimeOfDayText : public ::testing::Test {
protected:
    void SetUp() override {
        const char* old = std::getenv("TZ");
        had_zone_ = old != nullptr;
        if (had_zone_) old_zone_ = old;
    }
    void TearDown() override {
        if (had_zone_) {
            ::setenv("TZ", old_zone_.c_str(), 1);
        } else {
            ::unsetenv("TZ");
        }
        ::tzset();
    }
    static void set_zone(const char* zone) {
        ::setenv("TZ", zone, 1);
        ::tzset();
    }

private:
    bool had_zone_ = false;
    std::string old_zone_;
};

constexpr WallTime kNight{1'767'311'045'140'999'999};  // 2026-01-01T23:44:05.140999999Z

TEST_F(TimeOfDayText, IsLocalWithItsZone) {
    set_zone("CET-1");
    EXPECT_EQ(time_of_day_text(kNight, false), "00:44:05.140 CET");
    EXPECT_EQ(date_text(kNight, false), "2026-01-02");
}

TEST_F(TimeOfDayText, IsUtcWhereAsked) {
    set_zone("CET-1");
    EXPECT_EQ(time_of_day_text(kNight, true), "23:44:05.140 UTC");
    EXPECT_EQ(date_text(kNight, true), "2026-01-01");
}

}  // namespace
}  // namespace pipetrace
