// What is told of what was joined, and how much was not.
#include "two_hosts.h"

namespace pipetrace::testing {
namespace {

class HostMergeTest : public TwoHosts {};

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

TEST_F(HostMergeTest, SaysWhatIsBehindTranslationOrNotRecorded) {
    Rst rst;
    merge_.note(web_, received(rst));
    rst.server = "10.0.0.9:6379";
    rst.seq = 12;
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

/// In a recording that means ill; the last that was noted holds, and no other takes what is its.
TEST_F(HostMergeTest, AnotherIncidentWithTheSameIdGainsNothing) {
    Rst first;
    Rst second;
    second.at = 400 * kSecond;
    second.seq = 99;
    merge_.note(web_, received(first));
    note_pair(second);
    merge_.match();
    EXPECT_EQ(take(first), Outcome::kUnchanged);
    EXPECT_EQ(take(second), Outcome::kJoined);
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

TEST_F(HostMergeTest, HostsOfOneNameAreToldApart) {
    HostMerge merge;
    const std::uint32_t web = merge.add_stream({"localhost", "0f3c", ""}, kWeb);
    const std::uint32_t db = merge.add_stream({"localhost", "77aa", ""}, kDb);
    Incident receiver = received({});
    merge.note(web, receiver);
    merge.note(db, sent({}));
    merge.match();
    ASSERT_EQ(merge.take(web, receiver), Outcome::kJoined);
    EXPECT_EQ(receiver.peer->host, "localhost (boot 77aa)");
}

/// The same within one trace, where each incident comes with its clocks.
TEST_F(HostMergeTest, ClockThatWasSetDuringATraceIsToldSo) {
    ClockOffsets set = kDb;
    set.wall_minus_ktime_ns -= 60'000'000'000;
    for (int i = 0; i < 4; ++i) {
        Rst rst;
        rst.client = "192.0.2.10:" + std::to_string(40'000 + i);
        rst.id = std::to_string(i);
        merge_.note(web_, received(rst), kWeb);
        merge_.note(db_, sent(rst), i < 2 ? kDb : set);
    }
    merge_.match();
    EXPECT_TRUE(reports("clock of db1 went from 123.40")) << all();
    EXPECT_TRUE(reports("to 183.40")) << all();
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
