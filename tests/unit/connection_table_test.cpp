#include "correlate/connection_table.h"

#include <gtest/gtest.h>

namespace pipetrace {
namespace {

Address v4(std::uint8_t first, std::uint8_t last, std::uint16_t port) {
    Address address;
    address.ip[10] = address.ip[11] = 0xff;
    address.ip[12] = first;
    address.ip[15] = last;
    address.port = port;
    return address;
}

Endpoint endpoint(std::uint64_t id, Address local, Address remote, std::uint32_t netns = 1) {
    Endpoint made;
    made.kind = EndpointKind::kTcp;
    made.id = id;
    made.netns = netns;
    made.local = local;
    made.remote = remote;
    return made;
}

const Address kHere = v4(10, 1, 5000);
const Address kThere = v4(10, 2, 80);

TEST(ConnectionTable, MakesAnEntryOnceAndFindsIt) {
    ConnectionTable table(4);
    table.touch(endpoint(1, kHere, kThere)).told = true;
    EXPECT_TRUE(table.touch(endpoint(1, kHere, kThere)).told);
    EXPECT_EQ(table.size(), 1U);
    ASSERT_NE(table.find(1), nullptr);
    EXPECT_EQ(table.find(2), nullptr);
    table.erase(1);
    EXPECT_EQ(table.find(1), nullptr);
    table.erase(1);
    EXPECT_EQ(table.size(), 0U);
}

TEST(ConnectionTable, DropsWhatWasTouchedLongestAgo) {
    ConnectionTable table(3);
    for (const std::uint64_t id : {1U, 2U, 3U}) table.touch(endpoint(id, v4(10, 1, static_cast<std::uint16_t>(id)), kThere));
    table.touch(endpoint(1, v4(10, 1, 1), kThere));
    table.touch(endpoint(4, v4(10, 1, 4), kThere));
    EXPECT_EQ(table.find(2), nullptr);
    EXPECT_NE(table.find(1), nullptr);
    EXPECT_EQ(table.size(), 3U);
    EXPECT_EQ(table.evicted(), 1U);
    EXPECT_EQ(table.find_peer(endpoint(9, kThere, v4(10, 1, 2))), nullptr) << "not found by address either";
}

TEST(ConnectionTable, FindsThePeerByMirroredAddresses) {
    ConnectionTable table(8);
    table.touch(endpoint(1, kHere, kThere, 1));
    const Endpoint other = endpoint(2, kThere, kHere, 99);
    table.touch(other);
    const Connection* peer = table.find_peer(other);
    ASSERT_NE(peer, nullptr);
    EXPECT_EQ(peer->endpoint.id, 1U) << "across network namespaces";
    EXPECT_EQ(table.find_peer(endpoint(3, kThere, v4(10, 1, 5001))), nullptr);
}

TEST(ConnectionTable, LoopbackAddressesMeanOneNamespaceOnly) {
    ConnectionTable table(8);
    const Address here = v4(127, 1, 5000);
    const Address there = v4(127, 1, 80);
    table.touch(endpoint(1, here, there, 1));
    EXPECT_EQ(table.find_peer(endpoint(2, there, here, 99)), nullptr);
    ASSERT_NE(table.find_peer(endpoint(2, there, here, 1)), nullptr);
}

TEST(ConnectionTable, ASocketIsNotItsOwnPeer) {
    ConnectionTable table(8);
    const Endpoint self = endpoint(1, kHere, kHere);  // a simultaneous open to itself
    table.touch(self);
    EXPECT_EQ(table.find_peer(self), nullptr);
}

TEST(ConnectionTable, TheLatestOfRecurringAddressesIsThePeer) {
    ConnectionTable table(8);
    table.touch(endpoint(1, kHere, kThere));
    table.touch(endpoint(2, kHere, kThere));
    const Connection* peer = table.find_peer(endpoint(3, kThere, kHere));
    ASSERT_NE(peer, nullptr);
    EXPECT_EQ(peer->endpoint.id, 2U);
    table.erase(2);
    EXPECT_EQ(table.find_peer(endpoint(3, kThere, kHere))->endpoint.id, 1U);
}

void open_at(ConnectionTable& table, const Endpoint& endpoint, std::uint64_t ns, bool passive) {
    EndpointRemembered remembered;
    remembered.endpoint = endpoint;
    remembered.opened = Ktime{ns};
    remembered.passive = passive;
    table.touch(endpoint).remembered = remembered;
}

TEST(ConnectionTable, WhoHadTheAddressesBeforeOrHasThemNextIsNotThePeer) {
    ConnectionTable table(8);
    const Endpoint client = endpoint(1, kHere, kThere);
    const Endpoint next_client = endpoint(3, kHere, kThere);
    open_at(table, client, 100, false);
    open_at(table, endpoint(2, kThere, kHere), 101, true);
    table.find(1)->reset = Stamped<ResetReceived>{Ktime{200}, {}, {client, {}, std::nullopt}};
    open_at(table, next_client, 300, false);
    open_at(table, endpoint(4, kThere, kHere), 301, true);
    ASSERT_NE(table.find_peer(client), nullptr);
    EXPECT_EQ(table.find_peer(client)->endpoint.id, 2U) << "the next was opened after the RST had come";
    EXPECT_EQ(table.find_peer(next_client)->endpoint.id, 4U);
    table.erase(4);
    EXPECT_EQ(table.find_peer(next_client), nullptr) << "who accepts does not open before who connects";
}

TEST(ConnectionTable, AnEndOlderThanTheTraceIsPairedWithOneOfUnknownAgeAndNoneThatWasOpenedSince) {
    ConnectionTable table(8);
    const Endpoint client = endpoint(1, kHere, kThere);
    EndpointRemembered older;
    older.endpoint = client;
    older.older_than_trace = true;
    table.touch(client).remembered = older;
    const Endpoint server = endpoint(2, kThere, kHere);
    EndpointRemembered unknown;
    unknown.endpoint = server;
    table.touch(server).remembered = unknown;
    ASSERT_NE(table.find_peer(server), nullptr) << "the walk over descriptors may have missed it";
    ASSERT_NE(table.find_peer(client), nullptr);
    table.find(2)->remembered->opened = Ktime{300};
    EXPECT_EQ(table.find_peer(server), nullptr);
}

TEST(ConnectionTable, AnEndThatWasGivenUpIsInNoLaterConnection) {
    ConnectionTable table(8);
    const Endpoint client = endpoint(1, kHere, kThere);
    Connection& old = table.touch(endpoint(2, kThere, kHere));
    open_at(table, client, 300, false);
    ASSERT_NE(table.find_peer(client), nullptr) << "not known to be of another";
    old.closure.at = Ktime{200};
    EXPECT_EQ(table.find_peer(client), nullptr);
}

TEST(ConnectionTable, KeepsTheFirstAddressesSeen) {
    ConnectionTable table(8);
    table.touch(endpoint(1, kHere, kThere));
    EXPECT_EQ(table.touch(endpoint(1, v4(0, 0, 5000), v4(0, 0, 0))).endpoint.remote, kThere)
        << "a disconnected socket has none";
    table.touch(endpoint(2, v4(0, 0, 0), v4(0, 0, 0)));
    EXPECT_EQ(table.touch(endpoint(2, kThere, kHere)).endpoint.remote, kHere)
        << "a socket that connects gets some";
    ASSERT_NE(table.find_peer(endpoint(1, kHere, kThere)), nullptr);
}

TEST(ConnectionTable, KnowsLoopback) {
    Address v6;
    v6.ip[15] = 1;
    EXPECT_TRUE(is_loopback(v6));
    EXPECT_TRUE(is_loopback(v4(127, 9, 1)));
    EXPECT_FALSE(is_loopback(v4(10, 1, 1)));
    v6.ip[0] = 0x20;
    EXPECT_FALSE(is_loopback(v6));
}

}  // namespace
}  // namespace pipetrace
