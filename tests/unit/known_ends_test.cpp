#include "correlate/known_ends.h"

#include <gtest/gtest.h>

namespace pipetrace {
namespace {

TEST(KnownEnds, WhoHasTheNumberNextHasNoneOfTheOldFacts) {
    KnownEndTable table(4);
    table.touch(7).other = OtherEndSeen{};
    ASSERT_NE(table.find(7), nullptr);
    EXPECT_TRUE(table.find(7)->other.has_value());
    table.erase(7);
    EXPECT_EQ(table.find(7), nullptr);
    EXPECT_FALSE(table.touch(7).other.has_value());
    table.erase(8);
    EXPECT_EQ(table.size(), 1U);
}

TEST(KnownEnds, TheOldestGoesAndIsCounted) {
    KnownEndTable table(3);
    for (const std::uint64_t id : {1U, 2U, 3U, 4U}) table.touch(id);
    EXPECT_EQ(table.find(1), nullptr);
    EXPECT_NE(table.find(4), nullptr);
    EXPECT_EQ(table.size(), 3U);
    EXPECT_EQ(table.evicted(), 1U);
    table.erase(2);
    table.touch(5);
    EXPECT_EQ(table.evicted(), 1U) << "there was room";
}

}  // namespace
}  // namespace pipetrace
