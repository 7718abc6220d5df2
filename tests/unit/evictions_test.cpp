// What the correlator's tables forget for want of room lowers what is told of those whom it concerns, and of
// nobody else; it is counted by table.
#include "correlate/correlator.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <map>
#include <utility>
#include <vector>

namespace pipetrace {
namespace {

constexpr std::uint64_t kMs = 1'000'000;
constexpr std::uint64_t kSecondNs = 1'000 * kMs;

Task task_of(Tgid tgid) {
    Task task;
    task.process = {tgid, 1};
    task.tid = tgid;
    return task;
}

Endpoint pipe_of(std::uint64_t id) {
    Endpoint end;
    end.kind = EndpointKind::kPipe;
    end.id = id;
    return end;
}

Endpoint connection(std::uint64_t id) {
    Endpoint end;
    end.kind = EndpointKind::kTcp;
    end.id = id;
    end.netns = 1;
    end.state = TcpState::kEstablished;
    end.local.ip[15] = 1;
    end.local.ip[0] = 0x20;
    end.local.port = static_cast<std::uint16_t>(1000 + id);
    end.remote.ip[15] = 2;
    end.remote.ip[0] = 0x20;
    end.remote.port = 80;
    return end;
}

/// Whoever fails has the number of its end.
class EvictionsTest : public ::testing::Test {
protected:
    EvictionsTest() {
        config_.id_prefix = "test";
        config_.resets_sent_seen = config_.receives_seen = config_.sends_seen = true;
    }

    Correlator make() {
        return Correlator(config_, [this](Incident&& told) {
            if (told.role == Role::kOrigin) {
                origins_lost_.push_back(told.lost);
            } else {
                lost_[told.process.tgid.value_or(0)] = told.lost;
            }
        });
    }

    void feed(Correlator& correlator, EventBody body, std::uint64_t id = 0) {
        now_ = now_ + 1000;
        Event event;
        event.at = now_;
        if (id != 0) event.task = task_of(static_cast<Tgid>(id));
        event.body = std::move(body);
        correlator.observe(event);
        correlator.advance_to(now_ + config_.reorder_ns);
    }
    void pass(Correlator& correlator, std::uint64_t ns) {
        now_ = now_ + ns;
        correlator.advance_to(now_);
    }

    void broken_pipe(Correlator& correlator, std::uint64_t id) {
        OtherEndSeen seen;
        seen.endpoint = pipe_of(id);
        seen.closure.at = now_;
        seen.closure.by = task_of(1);
        seen.closure.path = ClosePath::kClose;
        feed(correlator, seen, id);
        SigpipeGenerated raised;
        raised.endpoint = pipe_of(id);
        feed(correlator, raised, id);
    }

    void remembered(Correlator& correlator, std::uint64_t id) {
        EndpointRemembered known;
        known.endpoint = connection(id);
        known.opened = now_;
        known.owner = task_of(static_cast<Tgid>(id));
        feed(correlator, known);
    }
    void reset_sent_to(Correlator& correlator, std::uint64_t id) {
        ResetSent sent;
        sent.endpoint = connection(id);
        sent.endpoint.id = 0;
        std::swap(sent.endpoint.local, sent.endpoint.remote);
        feed(correlator, sent);
    }
    void reset_received(Correlator& correlator, std::uint64_t id) {
        ResetReceived reset;
        reset.endpoint = connection(id);
        feed(correlator, reset);
        CallFailed failed;
        failed.endpoint = connection(id);
        failed.error = ECONNRESET;
        feed(correlator, failed, id);
    }

    CorrelatorConfig config_;
    Ktime now_{100 * kSecondNs};
    std::map<Tgid, std::uint64_t> lost_;  ///< as last told, by who failed
    std::vector<std::uint64_t> origins_lost_;
};

TEST_F(EvictionsTest, ProcessesForgottenDoubtNobody) {
    config_.processes_max = 2;
    Correlator correlator = make();
    for (std::uint64_t id = 10; id < 60; ++id) broken_pipe(correlator, id);
    correlator.finish();
    EXPECT_EQ(lost_.size(), 50U);
    for (const auto& [tgid, lost] : lost_) EXPECT_EQ(lost, 0U) << tgid;
    EXPECT_EQ(correlator.evictions().of(Table::kHistory), 48U);
    EXPECT_EQ(correlator.evictions().total(), 48U);
}

/// On a host where processes come and go: nobody asks for their pipes' other ends any more.
TEST_F(EvictionsTest, OtherEndsGoWithTheProcessThatFailed) {
    config_.known_ends_max = 4;
    Correlator correlator = make();
    for (std::uint64_t id = 10; id < 60; ++id) {
        broken_pipe(correlator, id);
        feed(correlator, ProcessExited{13}, id);
        pass(correlator, 200 * kMs);
    }
    correlator.finish();
    EXPECT_EQ(correlator.evictions().total(), 0U);
    EXPECT_EQ(lost_.size(), 50U);
    for (const auto& [tgid, lost] : lost_) EXPECT_EQ(lost, 0U) << tgid;
}

/// Another that shares the pipe fails while the first is going.
TEST_F(EvictionsTest, AnOtherEndSeenSinceStaysForTheNextFailure) {
    bool is_peer_known = false;
    Correlator other(config_, [&](Incident&& told) {
        if (told.process.tgid == 11) is_peer_known = told.peer.has_value();
    });
    broken_pipe(other, 10);
    feed(other, ProcessExited{13}, 10);
    OtherEndSeen seen;
    seen.endpoint = pipe_of(10);
    seen.closure.at = now_ - kSecondNs;
    seen.closure.by = task_of(1);
    seen.closure.path = ClosePath::kClose;
    feed(other, seen, 11);
    pass(other, 100 * kMs);
    SigpipeGenerated raised;
    raised.endpoint = pipe_of(10);
    feed(other, raised, 11);
    other.finish();
    EXPECT_TRUE(is_peer_known);
}

TEST_F(EvictionsTest, AnOtherEndForgottenDoubtsThoseWhoFailedThere) {
    config_.known_ends_max = 2;
    Correlator correlator = make();
    for (const std::uint64_t id : {10U, 11U, 12U}) broken_pipe(correlator, id);
    correlator.finish();
    EXPECT_EQ(correlator.evictions().of(Table::kOtherEnds), 1U);
    EXPECT_EQ(lost_, (std::map<Tgid, std::uint64_t>{{10, 1}, {11, 0}, {12, 0}}));
}

TEST_F(EvictionsTest, ARstForgottenDoubtsItsReceiver) {
    config_.sent_resets_max = 8;
    Correlator correlator = make();
    for (const std::uint64_t id : {10U, 11U}) remembered(correlator, id);
    reset_sent_to(correlator, 10);
    for (std::uint64_t id = 100; id < 120; ++id) reset_sent_to(correlator, id);  // a port scan of this host
    reset_sent_to(correlator, 11);
    for (const std::uint64_t id : {10U, 11U}) reset_received(correlator, id);
    correlator.finish();
    EXPECT_GT(correlator.evictions().of(Table::kSentResets), 0U);
    EXPECT_EQ(lost_, (std::map<Tgid, std::uint64_t>{{10, 1}, {11, 0}}));
}

TEST_F(EvictionsTest, AConnectionForgottenDoubtsItself) {
    config_.endpoints_max = 2;
    Correlator correlator = make();
    reset_received(correlator, 10);
    for (const std::uint64_t id : {20U, 21U}) reset_received(correlator, id);
    correlator.finish();
    EXPECT_EQ(correlator.evictions().of(Table::kConnections), 1U);
    EXPECT_EQ(lost_, (std::map<Tgid, std::uint64_t>{{10, 1}, {20, 0}, {21, 0}}));
}

TEST_F(EvictionsTest, AConnectionForgottenDoubtsItsOtherEnd) {
    Correlator correlator = make();
    Endpoint other = connection(10);
    other.id = 500;
    std::swap(other.local, other.remote);
    for (const std::uint64_t id : {10U, 11U}) remembered(correlator, id);
    correlator.note_forgotten(other, now_);
    for (const std::uint64_t id : {10U, 11U}) reset_received(correlator, id);
    correlator.finish();
    EXPECT_EQ(lost_, (std::map<Tgid, std::uint64_t>{{10, 1}, {11, 0}}));
}

/// Addresses recur: what was forgotten of an earlier connection with them is not this one's.
TEST_F(EvictionsTest, AConnectionForgottenDoubtsNoLaterOne) {
    Correlator correlator = make();
    Endpoint earlier = connection(10);
    earlier.id = 500;
    correlator.note_forgotten(earlier, now_);
    pass(correlator, kMs);
    remembered(correlator, 10);
    reset_received(correlator, 10);
    correlator.finish();
    EXPECT_EQ(lost_, (std::map<Tgid, std::uint64_t>{{10, 0}}));
}

TEST_F(EvictionsTest, AFailureToldBeforeItsTimeIsDoubted) {
    config_.failures_max = 2;
    Correlator correlator = make();
    for (const std::uint64_t id : {10U, 11U, 12U}) broken_pipe(correlator, id);
    EXPECT_EQ(lost_, (std::map<Tgid, std::uint64_t>{{10, 1}}));
    pass(correlator, 2 * kSecondNs);
    broken_pipe(correlator, 13);
    correlator.finish();
    EXPECT_EQ(correlator.evictions().of(Table::kFailures), 2U);
    EXPECT_EQ(lost_, (std::map<Tgid, std::uint64_t>{{10, 1}, {11, 0}, {12, 0}, {13, 0}}))
        << "11 was told in time";
}

TEST_F(EvictionsTest, AnOriginToldBeforeItsTimeIsDoubted) {
    config_.origins_max = 2;
    Correlator correlator = make();
    for (const std::uint64_t id : {10U, 11U, 12U}) reset_sent_to(correlator, id);
    EXPECT_EQ(origins_lost_, (std::vector<std::uint64_t>{1}));
    pass(correlator, 2 * kSecondNs);
    EXPECT_EQ(origins_lost_, (std::vector<std::uint64_t>{1, 0, 0}));
    reset_sent_to(correlator, 13);
    correlator.finish();
    EXPECT_EQ(correlator.evictions().of(Table::kOrigins), 2U);
    EXPECT_EQ(origins_lost_, (std::vector<std::uint64_t>{1, 0, 0, 0})) << "11 was told in time";
}

}  // namespace
}  // namespace pipetrace
