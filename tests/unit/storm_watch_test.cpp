#include "app/storm_watch.h"

#include <gtest/gtest.h>

namespace pipetrace {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;
constexpr std::uint64_t kMany = 100'000;

class StormWatchTest : public ::testing::Test {
protected:
    /// A second in which so many events come, looked at ten times. Whether a storm was over then.
    bool second(std::uint64_t events) {
        bool is_over = false;
        for (int look = 0; look < 10; ++look) {
            now_ = now_ + kSecondNs / 10;
            events_ += events / 10;
            is_over |= watch_.is_over(now_, events_);
        }
        return is_over;
    }
    int seconds(int count, std::uint64_t events) {
        int over = 0;
        for (int i = 0; i < count; ++i) over += second(events) ? 1 : 0;
        return over;
    }

    StormWatch watch_;
    Ktime now_{100 * kSecondNs};
    std::uint64_t events_ = 0;
};

TEST_F(StormWatchTest, AStormIsOverOnceWhenItHasBeenQuiet) {
    EXPECT_EQ(seconds(5, kMany), 0);
    EXPECT_EQ(seconds(3, 0), 0) << "what it left is still to be told";
    EXPECT_EQ(seconds(3, 0), 1);
    EXPECT_EQ(seconds(60, 0), 0) << "nothing is to be given back again";
    EXPECT_EQ(seconds(5, kMany), 0);
    EXPECT_EQ(seconds(6, 0), 1) << "the next one";
}

TEST_F(StormWatchTest, AHostThatIsNeverStillHasQuietAllTheSame) {
    EXPECT_EQ(seconds(60, 1500), 0) << "a few a second are no storm";
    seconds(5, kMany);
    EXPECT_EQ(seconds(6, 1500), 1);
}

TEST_F(StormWatchTest, AStormWithPausesIsOne) {
    for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(seconds(1, kMany) + seconds(2, 0), 0);
    }
}

}  // namespace
}  // namespace pipetrace
