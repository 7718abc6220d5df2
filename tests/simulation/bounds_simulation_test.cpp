// Far more failures, processes and resets at once than there is room for: every table keeps to its bound,
// what made room is counted as lost, and each failure is told all the same.
#include "diagnose/diagnoser.h"
#include "playing.h"
#include "scenario.h"
#include "seeds.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <set>

namespace pipetrace::testing {
namespace {

constexpr std::uint32_t kSeeds = 5;
constexpr std::uint64_t kFailures = 2000;
constexpr std::uint64_t kEventNs = 2000;
constexpr std::uint64_t kLookNs = 1'000'000;

CorrelatorConfig small_config() {
    CorrelatorConfig config = config_of({});
    config.endpoints_max = 60;
    config.failures_max = 40;
    config.processes_max = 20;
    config.sent_resets_max = 30;
    config.known_ends_max = 25;
    return config;
}

/// The most that these bounds and the events that wait can come to.
std::size_t entries_max(const CorrelatorConfig& config) {
    const std::size_t waiting = (config.reorder_ns + kLookNs) / kEventNs + 1;
    return 4 * config.endpoints_max + 6 * config.failures_max + config.processes_max +
           config.sent_resets_max + config.known_ends_max + waiting;
}

/// One failure after another, none of which ends.
class Flood {
public:
    explicit Flood(Random& random) : random_(random) {}

    std::vector<Event> next() {
        ++number_;
        task_ = Person{static_cast<Tgid>(1000 + number_), "worker"}.task();
        events_.clear();
        switch (random_.below(3)) {
            case 0: reset_connection(); break;
            case 1: broken_pipe(); break;
            default: broken_unix_socket(); break;
        }
        if (random_.once_in(2)) emit(ProcessExited{0});
        return events_;
    }
    Ktime now() const { return now_; }
    std::uint64_t failures() const { return number_; }

private:
    void emit(EventBody body) {
        now_ = now_ + kEventNs;
        events_.push_back(Event{now_, task_, true, std::move(body)});
    }

    Endpoint endpoint(EndpointKind kind) const {
        Endpoint endpoint;
        endpoint.kind = kind;
        endpoint.id = (static_cast<std::uint64_t>(kind) << 60) + number_;
        return endpoint;
    }

    void reset_connection() {
        ResetSent sent;
        sent.endpoint = endpoint(EndpointKind::kTcp);
        sent.endpoint.local.port = 80;
        sent.endpoint.remote.port = static_cast<std::uint16_t>(number_);
        sent.endpoint.id = 0;
        emit(sent);
        ResetReceived reset;
        reset.endpoint = endpoint(EndpointKind::kTcp);
        std::swap(sent.endpoint.local, sent.endpoint.remote);
        reset.endpoint.local = sent.endpoint.local;
        reset.endpoint.remote = sent.endpoint.remote;
        reset.endpoint.state = TcpState::kEstablished;
        emit(reset);
        CallFailed failed;
        failed.endpoint = reset.endpoint;
        failed.error = ECONNRESET;
        emit(failed);
    }

    void broken_pipe() {
        OtherEndSeen seen;
        seen.endpoint = endpoint(EndpointKind::kPipe);
        seen.closure = closure_by(kServer, now_, kCloseCall, 0);
        emit(seen);
        SigpipeGenerated raised;
        raised.endpoint = seen.endpoint;
        raised.blocked = random_.once_in(2);
        emit(raised);
    }

    void broken_unix_socket() {
        OtherEndSeen seen;
        seen.endpoint = endpoint(EndpointKind::kUnix);
        seen.socket_type = SocketType::kStream;
        seen.closure = closure_by(kServer, now_, kCloseCall, 0);
        emit(seen);
        CallFailed failed;
        failed.endpoint = seen.endpoint;
        failed.error = EPIPE;
        emit(failed);
        if (!random_.once_in(4)) return;
        EndpointDestroyed gone;
        gone.endpoint = seen.endpoint;
        emit(gone);
    }

    Random& random_;
    std::uint64_t number_ = 0;
    Ktime now_{1'000'000'000'000};
    Task task_;
    std::vector<Event> events_;
};

TEST(BoundsSimulation, TablesKeepToTheirBoundsAndCountWhatGoes) {
    for_each_seed(kSeeds, [](Random& random) {
        const CorrelatorConfig config = small_config();
        std::set<std::string> told;
        std::uint64_t certain_with_loss = 0;
        Correlator correlator(config, [&](Incident&& incident) {
            diagnose(incident);
            told.insert(incident.id);
            if (incident.lost > 0 && incident.verdict.confidence == Confidence::kCertain) ++certain_with_loss;
        });
        Flood flood(random);
        Ktime looked = flood.now();
        for (std::uint64_t i = 0; i < kFailures; ++i) {
            for (const Event& event : flood.next()) correlator.observe(event);
            if (flood.now() < looked + kLookNs) continue;
            looked = flood.now();
            correlator.advance_to(looked);
            ASSERT_LE(correlator.endpoints(), config.endpoints_max);
            ASSERT_LE(correlator.open_failures(), config.failures_max);
            ASSERT_LE(correlator.entries(), entries_max(config));
        }
        correlator.finish();
        EXPECT_EQ(told.size(), flood.failures()) << "each is told, once";
        EXPECT_EQ(correlator.open_failures(), 0U);
        EXPECT_GE(correlator.evictions().total(), kFailures / 2) << "a third each are TCP, unix and pipes";
        EXPECT_EQ(certain_with_loss, 0U);
    });
}

TEST(BoundsSimulation, WhatWasEvictedCountsAsLost) {
    CorrelatorConfig config = small_config();
    config.endpoints_max = 1;
    std::vector<Incident> told;
    Correlator correlator(config, [&](Incident&& incident) {
        diagnose(incident);
        told.push_back(std::move(incident));
    });
    Story second;
    second.numbered(1).connected().wait_ms(1).peer_aborts(kResetAbortOnClose, 5, ClosePath::kClose);
    second.reset_received(0x14).call_fails(kRead, ECONNRESET);
    Ktime last;
    for (const Step& step : second.steps()) {
        last = step.arrives;
        if (step.event) correlator.observe(*step.event);
    }
    correlator.advance_to(last + 2'000'000'000);
    ASSERT_EQ(told.size(), 1U);
    EXPECT_GT(told.front().lost, 0U);
    EXPECT_NE(told.front().verdict.confidence, Confidence::kCertain);
    EXPECT_GT(correlator.evictions().total(), 0U);
}

}  // namespace
}  // namespace pipetrace::testing
