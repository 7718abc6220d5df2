// That counts stay exact where a table is full, and that nothing is kept of what is over. That it counts as
// the correlator tells is tested by tests/simulation.
#include "correlate/shed_tally.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <map>
#include <utility>

namespace pipetrace {
namespace {

constexpr std::uint64_t kMs = 1'000'000;
constexpr std::uint64_t kSecondNs = 1'000 * kMs;
constexpr std::size_t kMax = 50;

Task task_of(Tgid tgid) {
    Task task;
    task.process = {tgid, 1};
    task.tid = tgid;
    return task;
}

Endpoint end_of(EndpointKind kind, std::uint64_t id) {
    Endpoint end;
    end.kind = kind;
    end.id = id;
    if (kind == EndpointKind::kTcp) {
        end.state = TcpState::kEstablished;
        end.local.port = static_cast<std::uint16_t>(1 + id % 65'000);
        end.remote.port = 80;
    }
    return end;
}

class ShedTallyTest : public ::testing::Test {
protected:
    static CorrelatorConfig config() {
        CorrelatorConfig config;
        config.endpoints_max = kMax;
        config.failures_max = kMax;
        return config;
    }

    template <typename Body>
    void observe(Body body, Tgid tgid) {
        now_ = now_ + 1000;
        tally_.observe({now_, task_of(tgid), false, std::move(body)});
    }
    void call_fails(const Endpoint& end, int error, Tgid tgid) {
        CallFailed failed;
        failed.endpoint = end;
        failed.error = error;
        failed.tcp.error = error;
        observe(failed, tgid);
    }
    void sigpipe(const Endpoint& end, Tgid tgid) {
        SigpipeGenerated raised;
        raised.endpoint = end;
        observe(raised, tgid);
    }
    void delivered(Tgid tgid) {
        SigpipeDelivered delivered;
        delivered.kills = true;
        observe(delivered, tgid);
    }
    void destroyed(const Endpoint& end) {
        EndpointDestroyed destroyed;
        destroyed.endpoint = end;
        observe(destroyed, 0);
    }
    void pass(std::uint64_t ns) {
        now_ = now_ + ns;
        tally_.advance_to(now_);
    }
    std::size_t entries_max() const { return 3 * kMax + 4 * kMax + 4 * kMax + 2; }

    std::uint64_t incidents_ = 0;
    std::uint64_t met_ = 0;
    std::map<int, std::uint64_t> calls_;
    std::map<SigpipeFate, std::uint64_t> fates_;  ///< when first counted
    Ktime now_{100 * kSecondNs};
    ShedTally tally_{config(),
                     [this](CountedIncident&& incident) {
                         if (incident.is_new) {
                             ++incidents_;
                             ++fates_[incident.sigpipe.value_or(SigpipeFate::kNone)];
                         }
                         for (const auto& error : incident.errors) calls_[error.error] += error.count;
                     },
                     [this](const Task&) { ++met_; }};
};

TEST_F(ShedTallyTest, WhatMakesRoomIsCountedFirst) {
    for (std::uint64_t id = 1; id <= 1000; ++id) {
        const Endpoint end = end_of(EndpointKind::kTcp, id);
        ResetReceived reset;
        reset.endpoint = end;
        observe(reset, 0);
        call_fails(end, ECONNRESET, 7);
        call_fails(end, EPIPE, 7);
        ASSERT_LE(tally_.entries(), entries_max());
    }
    EXPECT_EQ(tally_.evicted(), 1000U - kMax);
    EXPECT_EQ(incidents_, 1000U - kMax) << "as they went";
    tally_.finish();
    EXPECT_EQ(incidents_, 1000U);
    EXPECT_EQ(tally_.incidents(), 1000U);
    EXPECT_EQ(met_, 1000U);
    EXPECT_EQ(tally_.resets_received(), 1000U);
    EXPECT_EQ(calls_, (std::map<int, std::uint64_t>{{ECONNRESET, 1000}, {EPIPE, 1000}}));
    EXPECT_EQ(tally_.entries(), 0U);
}

/// A RST that nobody was told of yet is an incident when it makes room, too.
TEST_F(ShedTallyTest, ASilentEndThatMakesRoomIsCounted) {
    for (std::uint64_t id = 1; id <= 1000; ++id) {
        EndpointRemembered remembered;
        remembered.endpoint = end_of(EndpointKind::kTcp, id);
        remembered.opened = Ktime{kSecondNs};
        remembered.owner = task_of(7);
        observe(remembered, 0);
        ResetReceived reset;
        reset.endpoint = remembered.endpoint;
        observe(reset, 0);
    }
    tally_.finish();
    EXPECT_EQ(incidents_, 1000U);
    EXPECT_EQ(tally_.evicted(), 1000U - kMax);
    EXPECT_TRUE(calls_.empty()) << "no program was told";
}

/// Each call once, though the incident is taken for a new one.
TEST_F(ShedTallyTest, RepeatsOnWhatWasGivenUpAreCountedOnce) {
    const Endpoint first = end_of(EndpointKind::kTcp, 1);
    call_fails(first, ECONNRESET, 7);
    for (std::uint64_t id = 2; id <= 1 + kMax; ++id)
        call_fails(end_of(EndpointKind::kTcp, id), ECONNRESET, 7);
    EXPECT_EQ(tally_.evicted(), 1U);
    call_fails(first, EPIPE, 7);
    tally_.finish();
    EXPECT_EQ(calls_, (std::map<int, std::uint64_t>{{ECONNRESET, 1 + kMax}, {EPIPE, 1}}));
    EXPECT_EQ(incidents_, 2 + kMax);
}

/// A pipe that thousands of children inherited and write to.
TEST_F(ShedTallyTest, ProcessesThatShareOneEndAreBounded) {
    const Endpoint shared = end_of(EndpointKind::kPipe, 1);
    for (Tgid tgid = 1; tgid <= 1000; ++tgid) {
        sigpipe(shared, tgid);
        ASSERT_LE(tally_.entries(), entries_max());
    }
    tally_.finish();
    EXPECT_EQ(incidents_, 1000U);
    EXPECT_GT(tally_.evicted(), 0U);
}

/// One process that breaks pipe after pipe: each is counted, few are kept.
TEST_F(ShedTallyTest, PipesAreFewerThanConnections) {
    CorrelatorConfig config;
    config.known_ends_max = kMax;
    std::uint64_t incidents = 0;
    ShedTally tally(
        config, [&](CountedIncident&& incident) { incidents += incident.is_new ? 1 : 0; },
        [](const Task&) {});
    for (std::uint64_t id = 1; id <= 1000; ++id) {
        now_ = now_ + 1000;
        SigpipeGenerated raised;
        raised.endpoint = end_of(EndpointKind::kPipe, id);
        tally.observe({now_, task_of(7), false, raised});
        CallFailed failed;
        failed.endpoint = end_of(EndpointKind::kTcp, 1'000'000 + id);
        failed.error = ECONNRESET;
        tally.observe({now_, task_of(7), false, failed});
    }
    EXPECT_EQ(tally.evicted(), 1000U - kMax) << "no connection among them";
    tally.finish();
    EXPECT_EQ(incidents, 2000U);
}

TEST_F(ShedTallyTest, DeliveriesWaitedForAreBounded) {
    for (Tgid tgid = 1; tgid <= 20; ++tgid) {
        sigpipe(end_of(EndpointKind::kPipe, static_cast<std::uint64_t>(tgid)), tgid);
        delivered(tgid);
    }
    EXPECT_EQ(tally_.evicted(), 0U) << "none waits any more";
    for (Tgid tgid = 1; tgid <= 1000; ++tgid) {
        SigpipeGenerated raised;
        raised.endpoint = end_of(EndpointKind::kPipe, 1);
        now_ = now_ + 1000;
        Task thread = task_of(1);
        thread.tid = tgid;
        tally_.observe({now_, thread, false, raised});
        ASSERT_LE(tally_.entries(), entries_max());
    }
    EXPECT_EQ(tally_.evicted(), 1000U / kMax * kMax - kMax) << "all that wait go for the next";
    tally_.finish();
    EXPECT_EQ(incidents_, 20U);
    EXPECT_EQ(fates_[SigpipeFate::kKilled], 20U);
}

TEST_F(ShedTallyTest, KeepsNothingOfWhatIsOver) {
    for (std::uint64_t id = 1; id <= 10'000; ++id) {
        const Endpoint end = end_of(EndpointKind::kTcp, id);
        call_fails(end, ECONNRESET, 7);
        destroyed(end);
        ASSERT_LE(tally_.entries(), entries_max()) << "though no time has passed";
    }
    EXPECT_EQ(tally_.evicted(), 0U);
    EXPECT_EQ(incidents_, 10'000U);
    for (int i = 0; i < 4; ++i) pass(kSecondNs);
    EXPECT_EQ(tally_.entries(), 0U);
}

TEST_F(ShedTallyTest, KeepsNothingOfProcessesThatAreOver) {
    for (Tgid tgid = 1; tgid <= 1000; ++tgid) {
        sigpipe(end_of(EndpointKind::kPipe, static_cast<std::uint64_t>(tgid)), tgid);
        delivered(tgid);
        observe(ProcessExited{13}, tgid);
        pass(100 * kMs);
        ASSERT_LE(tally_.entries(), 25U) << "what waits for its time, at most a second";
    }
    pass(2 * kSecondNs);
    EXPECT_EQ(tally_.entries(), 0U);
    EXPECT_EQ(tally_.evicted(), 0U);
    EXPECT_EQ(incidents_, 1000U);
    EXPECT_EQ(fates_[SigpipeFate::kKilled], 1000U);
}

/// What is known of an end that never fails goes by itself.
TEST_F(ShedTallyTest, KeepsNothingOfEndsThatDidNotFail) {
    for (std::uint64_t id = 1; id <= 40; ++id) {
        EndpointRemembered remembered;
        remembered.endpoint = end_of(EndpointKind::kTcp, id);
        observe(remembered, 0);
    }
    pass(2 * kSecondNs);
    EXPECT_EQ(tally_.entries(), 0U);
    EXPECT_EQ(tally_.evicted(), 0U);
    tally_.finish();
    EXPECT_EQ(incidents_, 0U);
}

}  // namespace
}  // namespace pipetrace
