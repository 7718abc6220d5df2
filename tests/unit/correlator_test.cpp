// Bounds of the correlator and what it counts. What it tells is tested by tests/scenario.
#include "correlate/correlator.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>
#include <set>
#include <vector>

namespace pipetrace {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;

Task task_of(Tgid tgid) {
    Task task;
    task.process = {tgid, 1};
    task.tid = tgid;
    return task;
}

Endpoint pipe_endpoint(std::uint64_t inode) {
    Endpoint endpoint;
    endpoint.kind = EndpointKind::kPipe;
    endpoint.id = inode;
    return endpoint;
}

Endpoint tcp_endpoint(std::uint64_t id) {
    Endpoint endpoint;
    endpoint.kind = EndpointKind::kTcp;
    endpoint.id = id;
    endpoint.state = TcpState::kEstablished;
    endpoint.local.port = static_cast<std::uint16_t>(1024 + id % 60000);
    endpoint.local.ip[0] = static_cast<std::uint8_t>(id >> 16);
    endpoint.remote.port = 80;
    return endpoint;
}

class CorrelatorTest : public ::testing::Test {
protected:
    Correlator make(CorrelatorConfig config = {}) {
        return Correlator(std::move(config), [this](Incident&& told) { told_.push_back(std::move(told)); });
    }

    void feed(Correlator& correlator, Ktime at, EventBody body, Tgid tgid = 0) {
        Event event;
        event.at = at;
        if (tgid != 0) event.task = task_of(tgid);
        event.body = std::move(body);
        correlator.observe(event);
        correlator.advance_to(at);
    }

    void sigpipe(Correlator& correlator, Ktime at, std::uint64_t inode, Tgid tgid) {
        SigpipeGenerated raised;
        raised.endpoint = pipe_endpoint(inode);
        feed(correlator, at, raised, tgid);
    }

    std::vector<Incident> told_;
};

/// What a program left before the trace, in FIN_WAIT1, goes on for a while by itself: nobody is told when that ends.
TEST_F(CorrelatorTest, WhatWasLeftBeforeTheTraceIsNoStory) {
    for (const bool is_held : {false, true}) {
        Correlator correlator = make();
        EndpointRemembered remembered;
        remembered.endpoint = tcp_endpoint(1);
        remembered.endpoint.state = TcpState::kClose;
        remembered.closed_from = TcpState::kFinWait1;
        if (is_held) remembered.owner = task_of(700);
        feed(correlator, Ktime{kSecondNs * 2}, remembered);
        ErrorRaised raised;
        raised.endpoint = remembered.endpoint;
        raised.tcp.error = ETIMEDOUT;
        feed(correlator, Ktime{kSecondNs * 2 + 1}, raised);
        EndpointDestroyed destroyed;
        destroyed.endpoint = remembered.endpoint;
        destroyed.tcp.error = ETIMEDOUT;
        feed(correlator, Ktime{kSecondNs * 3}, destroyed);
        correlator.finish();
        EXPECT_EQ(told_.size(), is_held ? 1U : 0U);
    }
}

/// The kernel programs may tell of an end twice, the second time still without knowing who accepted it.
TEST_F(CorrelatorTest, WhoFailedACallOnAnEndStaysItsHolder) {
    Correlator correlator = make();
    EndpointRemembered remembered;
    remembered.endpoint = tcp_endpoint(1);
    remembered.opened = Ktime{kSecondNs};
    feed(correlator, Ktime{kSecondNs * 2}, remembered);
    ErrorRaised raised;
    raised.endpoint = tcp_endpoint(1);
    raised.tcp.error = ETIMEDOUT;
    feed(correlator, Ktime{kSecondNs * 3}, raised);
    CallFailed failed;
    failed.endpoint = tcp_endpoint(1);
    failed.error = ETIMEDOUT;
    feed(correlator, Ktime{kSecondNs * 4}, failed, 5);
    correlator.advance_to(Ktime{kSecondNs * 5});
    correlator.take_owner_wanted();
    feed(correlator, Ktime{kSecondNs * 6}, remembered);
    correlator.finish();
    EXPECT_FALSE(correlator.take_owner_wanted()) << "the holder is known";
    ASSERT_EQ(told_.size(), 1U);
    EXPECT_EQ(told_[0].process.tgid, 5);
}

TEST_F(CorrelatorTest, OpenFailuresAreBoundedAndNoneIsDroppedUntold) {
    CorrelatorConfig config;
    config.failures_max = 10;
    Correlator correlator = make(config);
    for (std::uint64_t i = 1; i <= 100; ++i) {
        sigpipe(correlator, Ktime{kSecondNs + i * 100}, i, 5);
    }
    correlator.advance_to(Ktime{kSecondNs * 3 / 2});
    EXPECT_EQ(correlator.open_failures(), 10U);
    EXPECT_EQ(correlator.evictions().of(Table::kFailures), 90U);
    correlator.finish();
    std::set<std::string> ids;
    for (const Incident& incident : told_) ids.insert(incident.id);
    EXPECT_EQ(ids.size(), 100U);
    EXPECT_EQ(told_.size(), 100U) << "each of them once";
}

/// Pipes never end by themselves: after a second their failures have been told and stay for repeats.
TEST_F(CorrelatorTest, FailuresThatWereToldMakeRoomForNewOnes) {
    CorrelatorConfig config;
    config.failures_max = 10;
    Correlator correlator = make(config);
    for (std::uint64_t i = 1; i <= 40; ++i) {
        sigpipe(correlator, Ktime{i * 2 * kSecondNs}, i, 5);
    }
    EXPECT_LE(correlator.open_failures(), 10U);
    correlator.finish();
    EXPECT_EQ(told_.size(), 40U) << "making room is no news";
}

TEST_F(CorrelatorTest, EndpointsAreBounded) {
    CorrelatorConfig config;
    config.endpoints_max = 8;
    Correlator correlator = make(config);
    for (std::uint64_t id = 1; id <= 50; ++id) {
        ErrorRaised raised;
        raised.endpoint = tcp_endpoint(id);
        raised.tcp.error = ECONNRESET;
        feed(correlator, Ktime{kSecondNs + id * 1000}, raised);
    }
    correlator.advance_to(Ktime{kSecondNs * 2});
    EXPECT_EQ(correlator.endpoints(), 8U);
    EXPECT_EQ(correlator.evictions().of(Table::kConnections), 42U);
    EXPECT_EQ(correlator.evictions().total(), 42U);
}

/// The end of the first process was not seen; another has its number, and inherited the pipe.
TEST_F(CorrelatorTest, AnotherProcessOfTheSameNumberHasItsOwnFailure) {
    Correlator correlator = make();
    sigpipe(correlator, Ktime{kSecondNs}, 7, 100);
    Event event;
    event.at = Ktime{kSecondNs + 1000};
    event.task = task_of(100);
    event.task.process.start_boottime_ns = 2;
    event.body = ProcessExited{9};
    correlator.observe(event);
    SigpipeGenerated raised;
    raised.endpoint = pipe_endpoint(7);
    event.at = Ktime{kSecondNs + 2000};
    event.body = raised;
    correlator.observe(event);
    SigpipeDelivered delivered;
    delivered.kills = true;
    feed(correlator, Ktime{kSecondNs + 3000}, delivered, 100);
    correlator.finish();
    ASSERT_EQ(told_.size(), 2U);
    EXPECT_EQ(told_[0].process.identity.start_boottime_ns, 1U);
    EXPECT_EQ(told_[1].process.identity.start_boottime_ns, 2U);
    for (const Incident& incident : told_) {
        EXPECT_EQ(incident.timeline.size(), 2U) << "neither the exit nor the delivery is the other's";
    }
}

TEST_F(CorrelatorTest, APipeWithTheNumberOfAnEarlierOneHasNoneOfItsReaders) {
    Correlator correlator = make();
    OtherEndSeen seen;
    seen.endpoint = pipe_endpoint(7);
    seen.closure.at = Ktime{kSecondNs};
    seen.closure.by = task_of(55);
    feed(correlator, Ktime{kSecondNs}, seen);
    sigpipe(correlator, Ktime{kSecondNs + 1000}, 7, 100);
    feed(correlator, Ktime{kSecondNs + 2000}, EndpointDestroyed{pipe_endpoint(7), {}});
    sigpipe(correlator, Ktime{2 * kSecondNs}, 7, 200);
    correlator.finish();
    ASSERT_EQ(told_.size(), 2U);
    EXPECT_EQ(told_[0].peer->process.tgid, 55U);
    EXPECT_FALSE(told_[1].peer.has_value());
}

TEST_F(CorrelatorTest, APipeWhoseEarlierOnesEndMayBeLostHasNoneOfItsReaders) {
    for (const std::uint64_t lost : {0U, 1U}) {
        told_.clear();
        Correlator correlator = make();
        OtherEndSeen seen;
        seen.endpoint = pipe_endpoint(7);
        seen.closure.at = Ktime{kSecondNs};
        seen.closure.by = task_of(55);
        feed(correlator, Ktime{kSecondNs}, seen);
        sigpipe(correlator, Ktime{kSecondNs + 1000}, 7, 100);
        correlator.set_lost({lost});
        correlator.advance_to(Ktime{2 * kSecondNs});
        sigpipe(correlator, Ktime{3 * kSecondNs}, 7, 200);
        correlator.finish();
        ASSERT_EQ(told_.size(), 2U);
        EXPECT_TRUE(told_[0].peer.has_value());
        EXPECT_EQ(told_[1].peer.has_value(), lost == 0) << "the same pipe, as far as is known";
    }
}

TEST_F(CorrelatorTest, WhatMakesNoSenseIsLeftOutAndCounted) {
    Correlator correlator = make();
    CallFailed nowhere;
    nowhere.error = EPIPE;
    feed(correlator, Ktime{kSecondNs}, nowhere, 5);
    feed(correlator, Ktime{kSecondNs}, ResetReceived{pipe_endpoint(7), {}, std::nullopt});
    correlator.finish();
    EXPECT_TRUE(told_.empty());
    EXPECT_EQ(correlator.unsound(), 2U);
}

TEST_F(CorrelatorTest, KindsOfOneFailureAreBounded) {
    Correlator correlator = make();
    for (std::uint16_t number = 0; number < 500; ++number) {
        CallFailed failed;
        failed.endpoint = tcp_endpoint(1);
        failed.call.number = number;
        failed.error = EPIPE;
        feed(correlator, Ktime{kSecondNs + number * 100}, failed, 5);
    }
    correlator.finish();
    ASSERT_EQ(told_.size(), 1U);
    EXPECT_EQ(told_[0].errors.size(), kCallKindsMax);
    std::uint64_t calls = 0;
    for (const CallError& error : told_[0].errors) calls += error.count;
    EXPECT_EQ(calls, 500U) << "further kinds are counted";
}

TEST_F(CorrelatorTest, ForgetsEndpointsThatAreDestroyed) {
    Correlator correlator = make();
    for (std::uint64_t id = 1; id <= 1000; ++id) {
        ResetReceived reset;
        reset.endpoint = tcp_endpoint(id);
        feed(correlator, Ktime{kSecondNs + id * 1000}, reset);
        EndpointDestroyed destroyed;
        destroyed.endpoint = tcp_endpoint(id);
        feed(correlator, Ktime{kSecondNs + id * 1000 + 500}, destroyed);
    }
    correlator.advance_to(Ktime{kSecondNs * 3});
    EXPECT_EQ(correlator.endpoints(), 0U);
    EXPECT_EQ(correlator.open_failures(), 0U);
    EXPECT_EQ(told_.size(), 1000U);
}

TEST_F(CorrelatorTest, CountsResets) {
    Correlator correlator = make();
    ResetReceived reset;
    reset.endpoint = tcp_endpoint(1);
    feed(correlator, Ktime{kSecondNs}, reset);
    ResetSent sent;
    sent.endpoint = tcp_endpoint(0);
    feed(correlator, Ktime{kSecondNs + 1}, sent);
    correlator.finish();
    EXPECT_EQ(correlator.resets_received(), 1U);
    EXPECT_EQ(correlator.resets_sent(), 1U);
}

/// Without the packet, a half-closed socket may have been ended by data: then its own kernel answers with a
/// RST.
TEST_F(CorrelatorTest, CountsAResetInDoubtWhereNoAnswerFollowed) {
    CorrelatorConfig config;
    config.resets_sent_seen = true;
    for (const bool answered : {false, true}) {
        Correlator correlator = make(config);
        ResetReceived reset;
        reset.endpoint = tcp_endpoint(1);
        reset.endpoint.state = TcpState::kFinWait2;
        reset.tcp.shutdown = 3;
        feed(correlator, Ktime{kSecondNs}, reset);
        EndpointDestroyed destroyed;
        destroyed.endpoint = reset.endpoint;
        feed(correlator, Ktime{kSecondNs + 1000}, destroyed);
        ResetSent sent;
        sent.endpoint = reset.endpoint;
        if (answered) feed(correlator, Ktime{kSecondNs + 2000}, sent);
        correlator.advance_to(Ktime{kSecondNs * 3});
        correlator.finish();
        EXPECT_EQ(correlator.resets_received(), answered ? 0U : 1U);
    }
}

TEST_F(CorrelatorTest, AsksOnceForAnOwnerThatNobodyKnows) {
    Correlator correlator = make();
    ResetReceived reset;
    reset.endpoint = tcp_endpoint(1);
    feed(correlator, Ktime{kSecondNs}, reset);
    correlator.advance_to(Ktime{kSecondNs * 2});
    EXPECT_TRUE(correlator.take_owner_wanted());
    EXPECT_FALSE(correlator.take_owner_wanted());
}

/// A RST that no socket sent is kept by its addresses, which another connection may have later.
TEST_F(CorrelatorTest, ResetOfAnEarlierConnectionExplainsNothing) {
    for (const std::uint64_t seconds_between : {1U, 100U}) {
        told_.clear();
        Correlator correlator = make();
        ResetSent sent;
        sent.endpoint = tcp_endpoint(7);
        std::swap(sent.endpoint.local, sent.endpoint.remote);
        sent.endpoint.id = 0;
        feed(correlator, Ktime{kSecondNs}, sent);
        ResetReceived reset;
        reset.endpoint = tcp_endpoint(7);
        feed(correlator, Ktime{kSecondNs + seconds_between * kSecondNs}, reset);
        correlator.finish();
        // Nobody had received it for a second: it has a story of its own.
        EXPECT_EQ(std::erase_if(told_, [](const Incident& told) { return told.role == Role::kOrigin; }), 1U);
        ASSERT_EQ(told_.size(), 1U);
        ASSERT_TRUE(told_[0].rst);
        EXPECT_EQ(told_[0].rst->why.has_value(), seconds_between == 1);
    }
}

/// 50,000 dead pipes of one process, then as many exits and delivered signals: each must find its
/// own, for which visiting all would take some 10^9 steps.
TEST_F(CorrelatorTest, ManyOpenFailuresCostNoScans) {
    constexpr std::uint64_t kFailures = 50'000;
    CorrelatorConfig config;
    config.print_after_ns = 3600 * kSecondNs;
    Correlator correlator = make(config);
    const auto start = std::chrono::steady_clock::now();
    for (std::uint64_t i = 0; i < kFailures; ++i) {
        const Ktime at{kSecondNs + i * 1000};
        sigpipe(correlator, at, i + 1, 5);
        feed(correlator, at + 300, SigpipeDelivered{Disposition::kHandler, false, std::nullopt}, 5);
        feed(correlator, at + 600, ProcessExited{0}, static_cast<Tgid>(1000 + i));
    }
    correlator.finish();
    const auto took = std::chrono::steady_clock::now() - start;
    EXPECT_EQ(told_.size(), kFailures);
    EXPECT_EQ(told_.back().sigpipe, SigpipeFate::kHandled);
    EXPECT_LT(took, std::chrono::seconds(20));
}

/// Told while a share of the connections is, or begun then; not before, not after.
TEST_F(CorrelatorTest, SaysOfEachWhetherItWasSampled) {
    Correlator correlator = make();
    Ktime now{kSecondNs};
    std::uint64_t inode = 100;
    const auto fail = [&](std::uint64_t ends_after_ns) {
        sigpipe(correlator, now, ++inode, 7);
        now = now + ends_after_ns;
        EndpointDestroyed gone;
        gone.endpoint = pipe_endpoint(inode);
        feed(correlator, now, gone);
        correlator.advance_to(now + kSecondNs / 10);
        return told_.back().sampled;
    };
    EXPECT_FALSE(fail(1000));
    now = now + kSecondNs;
    feed(correlator, now, SamplingChanged{250'000, 10});
    now = now + 1000;
    const auto during = fail(1000);
    ASSERT_TRUE(during);
    EXPECT_EQ(during->share_millionths, 250'000U);
    EXPECT_EQ(during->counted_only, 10U);
    now = now + kSecondNs;
    sigpipe(correlator, now, 999, 8);
    now = now + 1000;
    feed(correlator, now, SamplingChanged{1'000'000, 55});
    correlator.advance_to(now + 2 * kSecondNs);
    ASSERT_TRUE(told_.back().sampled) << "it began while others were left out";
    EXPECT_EQ(told_.back().sampled->share_millionths, 250'000U);
    EXPECT_EQ(told_.back().sampled->counted_only, 55U);
    now = now + 3 * kSecondNs;
    EXPECT_FALSE(fail(1000));
}

TEST_F(CorrelatorTest, SaysOfARstThatNobodyWasToldOfThatItWasSampled) {
    Correlator correlator = make();
    feed(correlator, Ktime{kSecondNs}, SamplingChanged{250'000, 10});
    ResetReceived reset;
    reset.endpoint = tcp_endpoint(1);
    feed(correlator, Ktime{kSecondNs + 2000}, reset);
    correlator.finish();
    ASSERT_TRUE(told_.size() == 1 && told_[0].sampled && told_[0].sampled->share_millionths == 250'000U);
}

}  // namespace
}  // namespace pipetrace
