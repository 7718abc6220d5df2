// Which RSTs are joined, and which are left.
#include "two_hosts.h"

namespace pipetrace::testing {
namespace {

class EndPairsTest : public TwoHosts {};

TEST_F(EndPairsTest, PortsThatAreUsedAgainAreToldApartBySequence) {
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

TEST_F(EndPairsTest, TwoThatCouldBeItAreNone) {
    Rst rst;
    note_pair(rst);
    note_sent_again(rst, 300 * kSecond);
    merge_.match();
    EXPECT_EQ(take(rst), Outcome::kUnchanged);
    EXPECT_EQ(count(EndFate::kManyAlike), 1U) << all();
}

/// A clock that other connections prove decides between them.
TEST_F(EndPairsTest, ClockDecidesBetweenTwoThatCouldBeIt) {
    Rst rst;
    note_pair(rst);
    note_sent_again(rst, 300 * kSecond);
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

TEST_F(EndPairsTest, PairThatFitsNoClockIsRefused) {
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

/// As on 5.10, and in tracepoint mode: a forged one may have come first. An answer has no such rival.
TEST_F(EndPairsTest, AbortWhosePacketWasNotSeenIsLikely) {
    for (const bool is_abort : {true, false}) {
        HostMerge merge;
        const std::uint32_t web = merge.add_stream({"web1", "0f3c", ""}, kWeb);
        const std::uint32_t db = merge.add_stream({"db1", "77aa", ""}, kDb);
        Incident receiver = received({});
        receiver.facts.expected_seq = *receiver.rst->seq;
        receiver.rst->seq.reset();
        receiver.rst->flags.reset();
        Incident sender = sent({});
        sender.facts.own_reset->active = is_abort;
        merge.note(web, receiver);
        merge.note(db, sender);
        merge.match();
        ASSERT_EQ(merge.take(web, receiver), Outcome::kJoined);
        EXPECT_EQ(receiver.facts.peer_unsure, is_abort);
    }
}

/// Each recording numbers the hosts of a network as it meets them.
TEST_F(EndPairsTest, RedactedRecordingsAreJoinedBySequence) {
    for (const bool is_redacted : {true, false}) {
        for (const bool answers_syn : {true, false}) {
            HostMerge merge;
            const std::uint32_t web = merge.add_stream({"web1", "0f3c", ""}, kWeb, is_redacted);
            const std::uint32_t db = merge.add_stream({"db1", "77aa", ""}, kDb);
            Rst rst;
            rst.client = "192.0.2.0:50870";
            rst.server = "192.0.2.255:6379";
            Incident receiver = received(rst);
            rst.client = "192.0.2.255:50870";
            rst.server = "192.0.2.0:6379";
            Incident sender = sent(rst);
            if (answers_syn) {
                receiver.rst->state = TcpState::kSynSent;
                sender.facts.own_reset->active = false;
                sender.facts.own_reset->provoking_flags = 0x02;
            }
            merge.note(web, receiver);
            merge.note(db, sender);
            merge.match();
            const Outcome expected = is_redacted && !answers_syn ? Outcome::kJoined : Outcome::kUnchanged;
            EXPECT_EQ(merge.take(web, receiver), expected) << is_redacted << answers_syn;
        }
    }
}

TEST_F(EndPairsTest, LoopbackIsEachHostsOwn) {
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
TEST_F(EndPairsTest, PrivateAddressesOfBothHostsNeedTheSequence) {
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

TEST_F(EndPairsTest, TwoTracesOfOneHostAreOneHost) {
    const std::uint32_t later = merge_.add_stream({"web1", "0f3c", "6.12.0"}, kWeb);
    Rst rst;
    merge_.note(web_, received(rst));
    merge_.note(later, sent(rst));
    merge_.match();
    EXPECT_EQ(merge_.host_count(), 2U);
    EXPECT_EQ(take(rst), Outcome::kUnchanged);
}

TEST_F(EndPairsTest, OfThreeHostsTheOneWithThatNumberSentIt) {
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

TEST_F(EndPairsTest, SaysThatAnAddressWasTranslated) {
    Rst rst;
    merge_.note(web_, received(rst));
    rst.client = "203.0.113.1:61000";
    merge_.note(db_, sent(rst));
    merge_.match();
    rst.client = Rst{}.client;
    EXPECT_EQ(take(rst), Outcome::kUnchanged);
    EXPECT_EQ(count(EndFate::kTranslated), 1U) << all();
}

/// A RST that does not count the FIN is taken in CLOSE_WAIT; where its packet was not seen, one more was
/// expected.
TEST_F(EndPairsTest, NumberMayBeOneLessThanExpectedAfterAFin) {
    for (const bool after_fin : {true, false}) {
        HostMerge merge;
        const std::uint32_t web = merge.add_stream({"web1", "0f3c", ""}, kWeb);
        const std::uint32_t db = merge.add_stream({"db1", "77aa", ""}, kDb);
        Rst rst;
        Incident receiver = received(rst);
        receiver.rst->seq.reset();
        receiver.facts.expected_seq = rst.seq + 1;
        if (after_fin) receiver.rst->state = TcpState::kCloseWait;
        merge.note(web, receiver);
        merge.note(db, sent(rst));
        merge.match();
        EXPECT_EQ(merge.take(web, receiver), after_fin ? Outcome::kJoined : Outcome::kUnchanged);
    }
}

/// The first did not arrive, or not in order: what it drew was answered with another number.
TEST_F(EndPairsTest, RepeatedRstMayArriveWithALaterNumber) {
    for (const std::uint32_t more : {1U, 60'000U, 2'000'000U}) {
        HostMerge merge;
        const std::uint32_t web = merge.add_stream({"web1", "0f3c", ""}, kWeb);
        const std::uint32_t db = merge.add_stream({"db1", "77aa", ""}, kDb);
        Rst rst;
        Incident sender = sent(rst);
        TimelineEntry left;
        left.event = "rst_sent";
        left.at = sender.at;
        left.detail["count"] = std::int64_t{2};
        sender.timeline.push_back(left);
        rst.seq += more;
        Incident receiver = received(rst);
        merge.note(web, receiver);
        merge.note(db, sender);
        merge.match();
        EXPECT_EQ(merge.take(web, receiver), more <= 60'000U ? Outcome::kJoined : Outcome::kUnchanged)
            << more;
        EXPECT_EQ(receiver.facts.peer_unsure, more == 60'000U) << "that near can be chance";
    }
}

/// Two processes that share the socket each have an incident of the one RST.
TEST_F(EndPairsTest, EachProcessThatSharesTheSocketGainsThePeer) {
    Rst rst;
    note_pair(rst);
    Rst shared = rst;
    shared.id = "2";
    merge_.note(web_, received(shared));
    merge_.match();
    EXPECT_EQ(take(rst), Outcome::kJoined);
    EXPECT_EQ(take(shared), Outcome::kJoined);
}

}  // namespace
}  // namespace pipetrace::testing
