#include "correlate/origin_table.h"

#include <gtest/gtest.h>

#include <vector>

namespace pipetrace {
namespace {

constexpr Ktime kBegin{100'000'000'000};
constexpr std::uint8_t kSyn = 0x02;

Endpoint sender(std::uint16_t port, std::uint64_t id = 0, std::uint32_t netns = 1) {
    Endpoint made;
    made.kind = EndpointKind::kTcp;
    made.id = id;
    made.netns = netns;
    made.local.port = port;
    made.remote.port = 443;
    made.remote.ip[15] = 9;
    return made;
}

Endpoint receiver_of(Endpoint sender) {
    std::swap(sender.local, sender.remote);
    sender.netns = 77;
    return sender;
}

SentReset reset(const Endpoint& from, Ktime at, std::uint8_t provoking_flags = 0x18) {
    Stamped<ResetSent> sent{at, {}, {}};
    sent.body.endpoint = from;
    sent.body.active = from.id != 0;
    sent.body.provoking_flags = provoking_flags;
    return std::make_shared<const Stamped<ResetSent>>(sent);
}

struct Forgotten {
    std::vector<std::uint16_t> ports;
    OriginTable::Visit note = [this](Origin& origin) {
        ports.push_back(origin.connection.endpoint.local.port);
    };
};

TEST(OriginTable, RepeatsOfOneEndAreCounted) {
    Forgotten forgotten;
    OriginTable table(8, forgotten.note);
    table.add(reset(sender(80, 5), kBegin));
    table.add(reset(sender(80, 5), kBegin + 10));
    const Origin& origin = table.add(reset(sender(80), kBegin + 20));
    EXPECT_EQ(origin.count, 3U) << "what comes after the abort is answered without a socket";
    EXPECT_EQ(origin.connection.reset_sent->at, kBegin);
    EXPECT_EQ(table.size(), 1U);
    EXPECT_TRUE(forgotten.ports.empty());
}

TEST(OriginTable, AddressesRecur) {
    Forgotten forgotten;
    OriginTable table(8, forgotten.note);
    table.add(reset(sender(80, 5), kBegin));
    EXPECT_EQ(table.add(reset(sender(80, 6), kBegin + 10)).count, 1U) << "another socket";
    EXPECT_EQ(table.add(reset(sender(80), kBegin + 20, kSyn)).count, 1U) << "a new connection, refused";
    EXPECT_EQ(table.add(reset(sender(80), kBegin + 30, kSyn)).count, 2U);
    EXPECT_EQ(forgotten.ports, (std::vector<std::uint16_t>{80, 80})) << "told before it is replaced";
}

TEST(OriginTable, ReceiverIsFoundInAnyNamespace) {
    Forgotten forgotten;
    OriginTable table(8, forgotten.note);
    table.add(reset(sender(80, 5, 1), kBegin));
    table.add(reset(sender(80, 6, 2), kBegin));
    table.add(reset(sender(81, 7, 1), kBegin));
    table.tell_elsewhere_to(receiver_of(sender(80)));
    EXPECT_TRUE(table.find(sender(80, 0, 1))->told_elsewhere);
    EXPECT_TRUE(table.find(sender(80, 0, 2))->told_elsewhere);
    EXPECT_FALSE(table.find(sender(81, 0, 1))->told_elsewhere);
}

TEST(OriginTable, EachIsVisitedOnceWhenItIsDue) {
    Forgotten forgotten;
    OriginTable table(8, forgotten.note);
    Forgotten visited;
    table.add(reset(sender(80), kBegin));
    table.add(reset(sender(81), kBegin + 50));
    table.add(reset(sender(80), kBegin + 60));
    table.visit_due(kBegin + 10, visited.note);
    table.visit_due(kBegin + 10, visited.note);
    EXPECT_EQ(visited.ports, (std::vector<std::uint16_t>{80}));
    table.visit_due(kBegin + 50, visited.note);
    EXPECT_EQ(visited.ports, (std::vector<std::uint16_t>{80, 81}));
    table.forget_before(kBegin + 60);
    EXPECT_EQ(forgotten.ports, (std::vector<std::uint16_t>{81})) << "the other was repeated";
}

TEST(OriginTable, IsBoundedAndEvictionsAreCounted) {
    Forgotten forgotten;
    OriginTable table(4, forgotten.note);
    for (std::uint16_t port = 1; port <= 10; ++port) table.add(reset(sender(port), kBegin + port));
    EXPECT_EQ(table.size(), 4U);
    EXPECT_EQ(table.evicted(), 6U);
    EXPECT_EQ(forgotten.ports, (std::vector<std::uint16_t>{1, 2, 3, 4, 5, 6}))
        << "the oldest, and none untold";
    Forgotten visited;
    table.visit_due(kBegin + 1000, visited.note);
    EXPECT_EQ(visited.ports, (std::vector<std::uint16_t>{7, 8, 9, 10}));
    table.forget_all();
    EXPECT_EQ(table.size(), 0U);
}

}  // namespace
}  // namespace pipetrace
