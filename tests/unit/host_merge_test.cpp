// Which RSTs are joined, and which are left: made by hand, for what no single story can tell.
#include "merge/host_merge.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace pipetrace::testing {
namespace {

using Outcome = HostMerge::Outcome;

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr ClockOffsets kWeb{1'767'000'000'000'000'000, 0};
/// Booted 50 s later, and set 183.402 s wrong.
constexpr std::uint64_t kBootedLater = 50 * kSecond;
constexpr ClockOffsets kDb{1'767'000'000'000'000'000 + 50'000'000'000 + 183'402'000'000, 0};

struct Rst {
    std::string client = "192.0.2.10:50870";
    std::string server = "198.51.100.7:6379";
    std::uint32_t seq = 4711;
    std::uint64_t at = 100 * kSecond;  ///< by web1's clock, when it left
    std::uint64_t way_ns = 500'000;
    std::string id = "1";
};

Incident received(const Rst& rst) {
    Incident incident;
    incident.id = "w" + rst.id;
    incident.at = Ktime{rst.at + rst.way_ns};
    incident.endpoint.local = rst.client;
    incident.endpoint.remote = rst.server;
    incident.endpoint.rtt_us = 1000;
    incident.rst = RstFacts{};
    incident.rst->state = TcpState::kEstablished;
    incident.rst->seq = rst.seq;
    incident.rst->at = incident.at;
    return incident;
}

Incident sent(const Rst& rst) {
    Incident incident;
    incident.id = "d" + rst.id;
    incident.role = Role::kOrigin;
    incident.at = Ktime{rst.at - kBootedLater};
    incident.process.tgid = 777;
    incident.process.comm = "redis-server";
    incident.process.identity = {777, 1};
    incident.endpoint.local = rst.server;
    incident.endpoint.remote = rst.client;
    incident.rst = RstFacts{};
    incident.rst->received = false;
    incident.rst->at = incident.at;
    incident.facts.own_reset = ResetSent{};
    incident.facts.own_reset->active = true;
    incident.facts.own_reset->seq = rst.seq;
    return incident;
}

class HostMergeTest : public ::testing::Test {
protected:
    HostMerge merge_;
    std::uint32_t web_ = merge_.add_stream({"web1", "0f3c", "6.12.0"}, kWeb);
    std::uint32_t db_ = merge_.add_stream({"db1", "77aa", "6.1.0"}, kDb);

    void note_pair(const Rst& rst) {
        merge_.note(web_, received(rst));
        merge_.note(db_, sent(rst));
    }
    Outcome take(const Rst& rst) {
        Incident incident = received(rst);
        return merge_.take(web_, incident);
    }
    std::uint64_t count(EndFate fate) const {
        return merge_.report().receivers[static_cast<std::size_t>(fate)];
    }
    bool reports(const std::string& words) const {
        const std::vector<std::string> all = merge_.report().sentences();
        return std::any_of(all.begin(), all.end(), [&](const std::string& sentence) {
            return sentence.find(words) != std::string::npos;
        });
    }
    std::string all() const {
        std::string text;
        for (const std::string& sentence : merge_.report().sentences()) text += sentence + "\n";
        return text;
    }
};

TEST_F(HostMergeTest, TellsHowFarTheClocksAreApart) {
    for (std::uint16_t i = 0; i < 12; ++i) {
        Rst rst;
        rst.client = "192.0.2.10:" + std::to_string(40'000 + i);
        rst.at = (100 + i) * kSecond;
        rst.id = std::to_string(i);
        note_pair(rst);
    }
    merge_.match();
    EXPECT_EQ(merge_.report().joined(), 12U);
    EXPECT_TRUE(reports("clock of db1 is 183.402 s ahead of web1's (from 12 segments, within 500 us)") ||
                reports("clock of db1 is 183.401 s ahead of web1's (from 12 segments, within 500 us)"))
        << all();
    EXPECT_TRUE(reports("12 victims of 2 hosts joined with the other end")) << all();
}

TEST_F(HostMergeTest, MapsTimesToTheReceiversClockAndKeepsCauseBeforeEffect) {
    Rst rst;
    note_pair(rst);
    merge_.match();
    Incident incident = received(rst);
    ASSERT_EQ(merge_.take(web_, incident), Outcome::kJoined);
    ASSERT_EQ(incident.timeline.size(), 1U);
    EXPECT_EQ(incident.timeline[0].event, "rst_sent");
    EXPECT_LE(incident.timeline[0].at, incident.rst->at);
    EXPECT_GE(incident.timeline[0].at.ns + 1'000'000, incident.rst->at.ns);
    EXPECT_EQ(incident.peer->host, "db1");
    EXPECT_EQ(incident.peer->process.tgid, 777U);
    EXPECT_FALSE(incident.peer->process.identity.known()) << "of another host's processes";
}

TEST_F(HostMergeTest, PortsThatAreUsedAgainAreToldApartBySequence) {
    Rst first;
    Rst second;
    second.seq = 99;
    second.at = 400 * kSecond;
    second.id = "2";
    note_pair(first);
    note_pair(second);
    merge_.match();
    Incident incident = received(second);
    ASSERT_EQ(merge_.take(web_, incident), Outcome::kJoined);
    EXPECT_GE(incident.timeline[0].at.ns, 399 * kSecond);
    EXPECT_EQ(take(first), Outcome::kJoined);
}

TEST_F(HostMergeTest, TwoThatCouldBeItAreNone) {
    Rst rst;
    note_pair(rst);
    Rst again = rst;
    again.at = 300 * kSecond;
    again.id = "2";
    merge_.note(db_, sent(again));
    merge_.match();
    EXPECT_EQ(take(rst), Outcome::kUnchanged);
    EXPECT_EQ(count(EndFate::kManyAlike), 1U) << all();
}

/// A clock that other connections prove decides between them.
TEST_F(HostMergeTest, ClockDecidesBetweenTwoThatCouldBeIt) {
    Rst rst;
    note_pair(rst);
    Rst again = rst;
    again.at = 300 * kSecond;
    again.id = "2";
    merge_.note(db_, sent(again));
    for (int i = 3; i < 6; ++i) {
        Rst other;
        other.client = "192.0.2.10:" + std::to_string(40'000 + i);
        other.id = std::to_string(i);
        note_pair(other);
    }
    merge_.match();
    Incident incident = received(rst);
    ASSERT_EQ(merge_.take(web_, incident), Outcome::kJoined) << all();
    EXPECT_LE(incident.rst->at.ns - incident.timeline[0].at.ns, 1'000'000U);
}

TEST_F(HostMergeTest, PairThatFitsNoClockIsRefused) {
    for (int i = 0; i < 5; ++i) {
        Rst rst;
        rst.client = "192.0.2.10:" + std::to_string(40'000 + i);
        rst.id = std::to_string(i);
        note_pair(rst);
    }
    Rst odd;
    odd.id = "odd";
    merge_.note(web_, received(odd));
    odd.at += 3600 * kSecond;
    merge_.note(db_, sent(odd));
    merge_.match();
    odd.at -= 3600 * kSecond;
    EXPECT_EQ(take(odd), Outcome::kUnchanged);
    EXPECT_EQ(count(EndFate::kTimeUnlike), 1U) << all();
    EXPECT_EQ(merge_.report().joined(), 5U);
}

TEST_F(HostMergeTest, LoopbackIsEachHostsOwn) {
    Rst rst;
    rst.client = "127.0.0.1:50870";
    rst.server = "127.0.0.1:6379";
    note_pair(rst);
    Rst v6 = rst;
    v6.client = "[::1]:50870";
    v6.server = "[::1]:6379";
    note_pair(v6);
    merge_.match();
    EXPECT_EQ(take(rst), Outcome::kUnchanged);
    EXPECT_EQ(take(v6), Outcome::kUnchanged);
    EXPECT_EQ(merge_.report().joined(), 0U);
}

/// Containers of both hosts have the same private addresses.
TEST_F(HostMergeTest, PrivateAddressesOfBothHostsNeedTheSequence) {
    Rst rst;
    rst.client = "172.17.0.2:50870";
    rst.server = "172.17.0.3:6379";
    Incident own = received(rst);
    own.endpoint.local = "172.17.0.3:80";  // web1 has that address too
    own.rst.reset();
    merge_.note(web_, own);
    Incident receiver = received(rst);
    receiver.rst->state = TcpState::kSynSent;
    receiver.rst->seq = 0;
    Incident sender = sent(rst);
    sender.facts.own_reset->active = false;
    sender.facts.own_reset->provoking_flags = 0x02;
    sender.facts.own_reset->seq = 0;
    merge_.note(web_, receiver);
    merge_.note(db_, sender);
    merge_.match();
    EXPECT_EQ(merge_.take(web_, receiver), Outcome::kUnchanged);
    EXPECT_EQ(count(EndFate::kNotProven), 1U) << all();
}

TEST_F(HostMergeTest, TwoTracesOfOneHostAreOneHost) {
    const std::uint32_t later = merge_.add_stream({"web1", "0f3c", "6.12.0"}, kWeb);
    Rst rst;
    merge_.note(web_, received(rst));
    merge_.note(later, sent(rst));
    merge_.match();
    EXPECT_EQ(merge_.host_count(), 2U);
    EXPECT_EQ(take(rst), Outcome::kUnchanged);
}

TEST_F(HostMergeTest, OfThreeHostsTheOneWithThatNumberSentIt) {
    const std::uint32_t other = merge_.add_stream({"db2", "99bb", "6.1.0"}, kDb);
    Rst rst;
    note_pair(rst);
    Rst decoy = rst;
    decoy.seq = 12;
    Incident incident = sent(decoy);
    incident.process.comm = "decoy";
    merge_.note(other, incident);
    merge_.match();
    Incident receiver = received(rst);
    ASSERT_EQ(merge_.take(web_, receiver), Outcome::kJoined);
    EXPECT_EQ(receiver.peer->process.comm, "redis-server");
    EXPECT_EQ(merge_.take(other, incident), Outcome::kUnchanged);
}

TEST_F(HostMergeTest, SaysWhatIsBehindTranslationOrNotRecorded) {
    Rst rst;
    merge_.note(web_, received(rst));
    rst.server = "10.0.0.9:6379";
    merge_.note(db_, sent(rst));
    merge_.match();
    EXPECT_EQ(count(EndFate::kAddressNotSeen), 1U);
    EXPECT_TRUE(reports("1 victim met a RST from an address that no other recording has")) << all();
    EXPECT_TRUE(reports("address translation")) << all();
}

TEST_F(HostMergeTest, LaterRevisionsReplaceTheEarlier) {
    Rst rst;
    note_pair(rst);
    note_pair(rst);
    merge_.match();
    EXPECT_EQ(merge_.report().joined(), 1U);
    EXPECT_EQ(merge_.report().told_elsewhere, 1U);
}

/// Two processes that share the socket each have an incident of the one RST.
TEST_F(HostMergeTest, EachProcessThatSharesTheSocketGainsThePeer) {
    Rst rst;
    note_pair(rst);
    Rst shared = rst;
    shared.id = "2";
    merge_.note(web_, received(shared));
    merge_.match();
    EXPECT_EQ(take(rst), Outcome::kJoined);
    EXPECT_EQ(take(shared), Outcome::kJoined);
}

TEST_F(HostMergeTest, ClockThatWasSetIsToldSo) {
    ClockOffsets set = kDb;
    set.wall_minus_ktime_ns -= 60'000'000'000;
    const std::uint32_t later = merge_.add_stream({"db1", "77aa", "6.1.0"}, set);
    for (int i = 0; i < 4; ++i) {
        Rst rst;
        rst.client = "192.0.2.10:" + std::to_string(40'000 + i);
        rst.id = std::to_string(i);
        merge_.note(web_, received(rst));
        merge_.note(i < 2 ? db_ : later, sent(rst));
    }
    merge_.match();
    EXPECT_EQ(merge_.report().joined(), 4U);
    EXPECT_TRUE(reports("clock of db1 went from 123.40")) << all();
}

TEST_F(HostMergeTest, ExtremesAndEqualIdsDoNoHarm) {
    std::vector<Incident> all_received;
    for (const std::uint64_t at :
         {std::uint64_t{0}, std::uint64_t{1}, UINT64_MAX, UINT64_MAX / 2, 60 * kSecond}) {
        Rst rst;
        rst.client = "192.0.2.10:" + std::to_string(1 + at % 60'000);
        Incident receiver = received(rst);
        receiver.rst->at = Ktime{at};
        Incident sender = sent(rst);
        sender.at = Ktime{at};
        sender.facts.own_closure.at = Ktime{UINT64_MAX};
        sender.lost = UINT64_MAX;
        receiver.lost = 5;
        merge_.note(web_, receiver);
        merge_.note(db_, sender);
        all_received.push_back(receiver);
    }
    const std::uint32_t mad = merge_.add_stream({"db9", "", ""}, {INT64_MIN, INT64_MAX});
    Incident odd = sent({});
    odd.endpoint.local = "198.51.100.7:99999";
    merge_.note(mad, odd);
    odd.endpoint.local = "[fe80::1%eth0]:1";
    merge_.note(mad, odd);
    odd.endpoint.local = "";
    merge_.note(mad, odd);
    merge_.match();
    for (Incident& incident : all_received) {
        merge_.take(web_, incident);
        EXPECT_GE(incident.lost, 5U);
    }
    EXPECT_FALSE(merge_.report().sentences().empty());
}

TEST_F(HostMergeTest, WhatThereIsNoRoomForIsCounted) {
    HostMerge small(1);
    const std::uint32_t web = small.add_stream({"web1", "0f3c", ""}, kWeb);
    small.note(web, received({}));
    Rst second;
    second.id = "2";
    small.note(web, received(second));
    small.match();
    EXPECT_EQ(small.report().receivers[static_cast<std::size_t>(EndFate::kNoRoom)], 1U);
}

}  // namespace
}  // namespace pipetrace::testing
