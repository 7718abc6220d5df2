#include "correlate/forgotten.h"

#include <gtest/gtest.h>

namespace pipetrace {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;
constexpr Ktime kBegin{100 * kSecondNs};

TEST(Forgotten, KnowsWhoAndSinceWhen) {
    Forgotten forgotten;
    EXPECT_TRUE(forgotten.is_empty());
    EXPECT_FALSE(forgotten.any_since(7, {}));
    forgotten.note(7, kBegin);
    EXPECT_FALSE(forgotten.is_empty());
    EXPECT_TRUE(forgotten.any_since(7, {}));
    EXPECT_TRUE(forgotten.any_since(7, kBegin));
    EXPECT_FALSE(forgotten.any_since(7, kBegin + 1));
    EXPECT_FALSE(forgotten.any_since(8, {}));
    forgotten.note(7, kBegin - 5);
    EXPECT_TRUE(forgotten.any_since(7, kBegin)) << "the latest holds";
}

/// However many there were: those that share a place are taken to be meant, but nobody who is goes unnoticed.
TEST(Forgotten, MissesNobody) {
    constexpr std::uint64_t kKeys = 200'000;
    Forgotten forgotten;
    for (std::uint64_t key = 1; key <= kKeys; ++key) forgotten.note(key, kBegin + key);
    for (std::uint64_t key = 1; key <= kKeys; ++key)
        ASSERT_TRUE(forgotten.any_since(key, kBegin + key)) << key;
}

TEST(Forgotten, DoubtsFewOthers) {
    Forgotten forgotten;
    for (std::uint64_t key = 1; key <= 1000; ++key) forgotten.note(key, kBegin);
    std::uint64_t doubted = 0;
    for (std::uint64_t key = 1'000'000; key < 1'100'000; ++key)
        doubted += forgotten.any_since(key, {}) ? 1 : 0;
    EXPECT_LT(doubted, 500U) << "of 100,000 that were not: only where two share a place";
}

TEST(Forgotten, APlaceIsFreeAgainWhenNobodyAsksForItAnyMore) {
    Forgotten forgotten(10 * kSecondNs);
    for (std::uint64_t key = 1; key <= 200'000; ++key) forgotten.note(key, kBegin);
    EXPECT_TRUE(forgotten.any_since(500'000, kBegin)) << "each place is shared";
    const Ktime later = kBegin + 11 * kSecondNs;
    for (std::uint64_t key = 1; key <= 200'000; ++key) forgotten.note(1, later);
    EXPECT_TRUE(forgotten.any_since(1, later));
    std::uint64_t doubted = 0;
    for (std::uint64_t key = 2; key < 100'000; ++key) doubted += forgotten.any_since(key, later) ? 1 : 0;
    EXPECT_EQ(doubted, 0U);
}

}  // namespace
}  // namespace pipetrace
