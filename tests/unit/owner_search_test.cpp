#include "app/owner_search.h"

#include <gtest/gtest.h>

namespace pipetrace {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;
constexpr Ktime kBegin{100 * kSecondNs};

Event remembered(std::uint64_t id, Ktime at, Tgid owner = 0) {
    EndpointRemembered body;
    body.endpoint.id = id;
    if (owner != 0) body.owner.process = {owner, 1};
    Event event;
    event.at = at;
    event.body = body;
    return event;
}

/// When it is taken to have been.
Ktime look(OwnerSearch& search, Event event) {
    search.look_at(event);
    return event.at;
}

TEST(OwnerSearch, WhatAWalkFindsWasSoWhenItWasWanted) {
    OwnerSearch search;
    EXPECT_FALSE(search.take_wanted());
    EXPECT_EQ(look(search, remembered(1, kBegin)), kBegin);
    EXPECT_TRUE(search.take_wanted());
    EXPECT_FALSE(search.take_wanted()) << "once";
    look(search, remembered(1, kBegin + 5));
    EXPECT_FALSE(search.take_wanted()) << "it is looked for already";
    EXPECT_EQ(look(search, remembered(1, kBegin + kSecondNs, 7)), kBegin);
    EXPECT_EQ(look(search, remembered(1, kBegin + 2 * kSecondNs, 7)), kBegin + 2 * kSecondNs)
        << "found by now";
    EXPECT_EQ(search.size(), 0U);
}

TEST(OwnerSearch, AnEndThatHasOneIsNotLookedFor) {
    OwnerSearch search;
    EXPECT_EQ(look(search, remembered(1, kBegin, 7)), kBegin);
    Event closed = remembered(2, kBegin);
    std::get<EndpointRemembered>(closed.body).closure.by.process = {7, 1};
    look(search, closed);
    EXPECT_FALSE(search.take_wanted());
    EXPECT_EQ(search.size(), 0U);
}

TEST(OwnerSearch, EndsThatNobodyHoldsMakeRoomUncounted) {
    OwnerSearch search(100);
    for (std::uint64_t id = 1; id <= 10'000; ++id) {
        look(search, remembered(id, kBegin + id * kSecondNs));
        ASSERT_LE(search.size(), 100U);
    }
    EXPECT_EQ(search.evicted(), 0U);
}

TEST(OwnerSearch, ThoseStillLookedForAreCounted) {
    OwnerSearch search(100);
    for (std::uint64_t id = 1; id <= 250; ++id) {
        look(search, remembered(id, kBegin + id));
        ASSERT_LE(search.size(), 100U);
    }
    EXPECT_EQ(search.evicted(), 200U);
    EXPECT_EQ(look(search, remembered(1, kBegin + kSecondNs, 7)), kBegin + kSecondNs)
        << "forgotten: as it is found";
    EXPECT_EQ(look(search, remembered(250, kBegin + kSecondNs, 7)), kBegin + 250);
}

}  // namespace
}  // namespace pipetrace
