#include "correlate/reorder_buffer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace pipetrace {
namespace {

Event event_at(std::uint64_t ns, int mark = 0) {
    Event event;
    event.at = Ktime{ns};
    event.body = ProcessExited{mark};
    return event;
}

std::vector<std::uint64_t> pop_all(ReorderBuffer& buffer, std::uint64_t watermark) {
    std::vector<std::uint64_t> times;
    while (const Event* event = buffer.pop(Ktime{watermark})) times.push_back(event->at.ns);
    return times;
}

TEST(ReorderBuffer, GivesTheOldestFirst) {
    ReorderBuffer buffer;
    for (const std::uint64_t ns : {30U, 10U, 20U}) buffer.push(event_at(ns));
    EXPECT_EQ(pop_all(buffer, 100), (std::vector<std::uint64_t>{10, 20, 30}));
    EXPECT_EQ(buffer.size(), 0U);
}

TEST(ReorderBuffer, KeepsWhatIsNewerThanTheWatermark) {
    ReorderBuffer buffer;
    for (const std::uint64_t ns : {10U, 20U, 21U}) buffer.push(event_at(ns));
    EXPECT_EQ(pop_all(buffer, 20), (std::vector<std::uint64_t>{10, 20}));
    EXPECT_EQ(buffer.size(), 1U);
    EXPECT_EQ(pop_all(buffer, 20), std::vector<std::uint64_t>{});
    EXPECT_EQ(pop_all(buffer, 21), std::vector<std::uint64_t>{21});
}

TEST(ReorderBuffer, EqualTimesKeepTheOrderOfArrival) {
    ReorderBuffer buffer;
    for (int mark = 1; mark <= 4; ++mark) buffer.push(event_at(5, mark));
    for (int mark = 1; mark <= 4; ++mark) {
        const auto event = buffer.pop(Ktime{5});
        ASSERT_TRUE(event);
        EXPECT_EQ(std::get<ProcessExited>(event->body).exit_code, mark);
    }
}

TEST(ReorderBuffer, TakesARecordOnce) {
    ReorderBuffer buffer;
    for (const int mark : {1, 2, 1, 2, 1}) buffer.push(event_at(5, mark));
    buffer.push(event_at(6, 1));
    EXPECT_EQ(buffer.size(), 3U) << "what differs in anything is another";
}

TEST(ReorderBuffer, StaysSortedWhilePushesAndPopsAlternate) {
    constexpr std::uint32_t kSeed = 7;
    std::mt19937 random(kSeed);
    std::uniform_int_distribution<std::uint64_t> late(0, 40);
    ReorderBuffer buffer;
    std::uint64_t last = 0;
    std::size_t popped = 0;
    for (std::uint64_t now = 100; now < 5100; ++now) {
        buffer.push(event_at(now - late(random), static_cast<int>(now)));
        while (const Event* event = buffer.pop(Ktime{now - 40})) {
            ASSERT_GE(event->at.ns, last) << "seed " << kSeed;
            last = event->at.ns;
            ++popped;
        }
        ASSERT_LE(buffer.size(), 41U) << "no more waits than can still be overtaken";
    }
    popped += pop_all(buffer, UINT64_MAX).size();
    EXPECT_EQ(popped, 5000U);
}

}  // namespace
}  // namespace pipetrace
