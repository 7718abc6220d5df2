#include "app/report_page.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace pipetrace {
namespace {

std::vector<WallTime> times(std::initializer_list<std::int64_t> ns) {
    std::vector<WallTime> made;
    for (const std::int64_t at : ns) made.push_back(WallTime{at});
    return made;
}

TEST(BeginOfLatest, AllAreShownWhereThereIsRoom) {
    EXPECT_EQ(begin_of_latest({}, 3), std::nullopt);
    EXPECT_EQ(begin_of_latest(times({3, 1, 2}), 3), std::nullopt);
}

TEST(BeginOfLatest, IsTheTimeOfTheFirstShownWhateverTheOrder) {
    EXPECT_EQ(begin_of_latest(times({1, 2, 3, 4}), 3), WallTime{2});
    EXPECT_EQ(begin_of_latest(times({10, 30, 20, 11, 31, 21}), 2), WallTime{30});
    EXPECT_EQ(begin_of_latest(times({5, 5, 5, 9}), 2), WallTime{5});
}

}  // namespace
}  // namespace pipetrace
