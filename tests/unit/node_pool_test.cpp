#include "correlate/node_pool.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <set>

namespace pipetrace {
namespace {

TEST(NodePool, GivesAgainWhatWasGivenBack) {
    NodePool pool;
    void* first = pool.allocate(100);
    pool.deallocate(first, 100);
    EXPECT_EQ(pool.allocate(120), first) << "of one size, in grains of 32";
    void* other = pool.allocate(129);
    EXPECT_NE(other, first);
    pool.deallocate(first, 120);
    pool.deallocate(other, 129);
}

TEST(NodePool, BlocksInUseNeverOverlap) {
    NodePool pool;
    std::map<char*, std::size_t> used;
    for (std::size_t bytes = 1; bytes <= 5000; bytes += 7) {
        auto* block = static_cast<char*>(pool.allocate(bytes));
        std::memset(block, 0x5a, bytes);
        const auto next = used.lower_bound(block);
        if (next != used.end()) {
            ASSERT_LE(block + bytes, next->first);
        }
        if (next != used.begin()) {
            const auto before = std::prev(next);
            ASSERT_LE(before->first + before->second, block);
        }
        used.emplace(block, bytes);
        if (used.size() % 3 == 0) {
            pool.deallocate(used.begin()->first, used.begin()->second);
            used.erase(used.begin());
        }
    }
    for (const auto& [block, bytes] : used) pool.deallocate(block, bytes);
}

TEST(NodePool, TakesTheLargeAndTheOverAlignedFromElsewhere) {
    NodePool pool;
    void* large = pool.allocate(100'000);
    void* aligned = pool.allocate(64, 64);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(aligned) % 64, 0U);
    pool.deallocate(large, 100'000);
    pool.deallocate(aligned, 64, 64);
}

TEST(NodePool, TrimForgetsTheUnused) {
    NodePool pool;
    pool.deallocate(pool.allocate(200), 200);
    pool.trim();
    std::pmr::set<int> numbers({3, 1, 2}, &pool);
    numbers.erase(2);
    pool.trim();
    EXPECT_EQ(numbers, (std::pmr::set<int>{1, 3}));
}

}  // namespace
}  // namespace pipetrace
