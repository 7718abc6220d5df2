// Events that no kernel sends: impossible states, times that go back or lie ahead, numbers that are 0 or
// belong to something else. Whatever is told of them must be an incident all the same.
#include "correlate/burst_table.h"
#include "diagnose/chain_table.h"
#include "diagnose/diagnoser.h"
#include "playing.h"
#include "scenario.h"
#include "seeds.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <map>

namespace pipetrace::testing {
namespace {

constexpr std::uint32_t kSeeds = 150;
constexpr int kEvents = 300;
constexpr std::uint64_t kBeginNs = 1'000'000'000'000;

/// Values at random out of few, so that they meet; and now and then one out of all.
class Garbage {
public:
    explicit Garbage(Random& random) : random_(random) {}

    Event event(Ktime now) {
        now_ = now;
        Event event;
        event.at = random_.once_in(20) ? time() : now;
        event.task = task();
        event.body = body();
        return event;
    }

private:
    template <typename Number>
    Number number(std::uint64_t few) {
        if (random_.once_in(30)) return static_cast<Number>(random_.below(UINT64_MAX));
        return static_cast<Number>(random_.below(few));
    }
    Ktime time() {
        constexpr std::uint64_t kDistances[] = {1, 1000, 300'000, 20'000'000, 2'000'000'000, 60'000'000'000};
        switch (random_.below(8)) {
            case 0: return {};
            case 1: return Ktime{UINT64_MAX - random_.below(2)};
            case 2: return now_ + random_.one_of(kDistances);
            default: return now_ - random_.one_of(kDistances);
        }
    }
    std::int32_t error() {
        constexpr std::int32_t kErrors[] = {0,         EPIPE,    ECONNRESET,   EPIPE,        ECONNREFUSED,
                                            ETIMEDOUT, ENOTCONN, EHOSTUNREACH, ECONNABORTED, -1,
                                            4000,      INT32_MIN};
        return random_.one_of(kErrors);
    }
    Task task() {
        Task task;
        if (random_.once_in(6)) return task;
        task.process = {number<Tgid>(5), number<std::uint64_t>(2)};
        task.tid = number<Tid>(6);
        for (char& byte : task.process_comm.bytes) byte = static_cast<char>(random_.below(256));
        return task;
    }
    Address address() {
        Address address;
        address.ip[10] = address.ip[11] = 0xff;
        address.ip[12] = 127;
        address.ip[15] = number<std::uint8_t>(2);
        address.port = number<std::uint16_t>(3);
        return address;
    }
    Endpoint endpoint() {
        Endpoint endpoint;
        endpoint.kind = static_cast<EndpointKind>(random_.below(4));
        endpoint.id = number<std::uint64_t>(6);
        endpoint.netns = number<std::uint32_t>(2);
        endpoint.state = static_cast<TcpState>(number<std::uint8_t>(14));
        endpoint.local = address();
        endpoint.remote = address();
        return endpoint;
    }
    TcpFacts facts() {
        TcpFacts facts;
        facts.bytes_sent = number<std::uint64_t>(3);
        facts.bytes_acked = number<std::uint64_t>(3);
        facts.unread_bytes = number<std::uint32_t>(2);
        facts.snd_nxt = number<std::uint32_t>(3);
        facts.rtt_us = number<std::uint32_t>(3);
        if (random_.once_in(2)) facts.last_sent_ago_us = number<std::uint64_t>(4'000'000);
        if (random_.once_in(2)) facts.last_received_ago_us = number<std::uint64_t>(4'000'000);
        facts.unacked_sent_ns = random_.once_in(4) ? time().ns : 0;
        facts.probes_out = number<std::uint8_t>(3);
        facts.keepalive = random_.once_in(2);
        facts.error = error();
        facts.shutdown = number<std::uint8_t>(4);
        return facts;
    }
    Closure closure() {
        Closure closure;
        closure.at = time();
        closure.by = task();
        closure.to = static_cast<TcpState>(number<std::uint8_t>(14));
        closure.shutdown = number<std::uint8_t>(4);
        closure.exiting = random_.once_in(2);
        closure.signal = number<std::uint8_t>(16);
        closure.path = static_cast<ClosePath>(random_.below(6));
        closure.unread_bytes = number<std::uint32_t>(2);
        closure.call_number = number<std::uint16_t>(50);
        return closure;
    }
    CallSite call() {
        return {number<std::uint16_t>(50), number<std::int32_t>(3), number<std::int64_t>(9), 0};
    }

    template <typename Body>
    Body filled(Body body) {
        if constexpr (requires { body.endpoint; }) body.endpoint = endpoint();
        if constexpr (requires { body.tcp; }) body.tcp = facts();
        if constexpr (requires { body.closure; }) body.closure = closure();
        if constexpr (requires { body.call; }) body.call = call();
        if constexpr (requires { body.own; }) body.own = closure();
        if constexpr (requires { body.owner; }) body.owner = task();
        if constexpr (requires { body.opened; }) body.opened = time();
        if constexpr (requires { body.fin_received; }) body.fin_received = time();
        if constexpr (requires { body.fin_seen; }) body.fin_seen = random_.once_in(2);
        if constexpr (requires { body.older_than_trace; }) body.older_than_trace = random_.once_in(3);
        if constexpr (requires { body.passive; }) body.passive = random_.once_in(2);
        if constexpr (requires { body.last; }) body.last = time();
        if constexpr (requires { body.error; }) body.error = error();
        if constexpr (requires { body.active; }) body.active = random_.once_in(2);
        if constexpr (requires { body.disposition; })
            body.disposition = static_cast<Disposition>(random_.below(3));
        if constexpr (requires { body.kills; }) body.kills = random_.once_in(2);
        if constexpr (requires { body.socket_type; })
            body.socket_type = static_cast<SocketType>(random_.below(6));
        if constexpr (requires { body.other_end; }) body.other_end = static_cast<OtherEnd>(random_.below(3));
        if constexpr (requires { body.exit_code; }) body.exit_code = number<int>(300);
        if constexpr (requires { body.packet; }) {
            if (random_.once_in(2))
                body.packet = RstPacket{number<std::uint32_t>(3), number<std::uint8_t>(65), 64, 4, 0};
        }
        if constexpr (requires { body.local.length; }) {
            body.local.length = number<std::uint16_t>(109) % 109;
            for (char& byte : body.local.bytes) byte = static_cast<char>(random_.below(256));
        }
        if constexpr (requires { body.took_some; }) {
            if (random_.once_in(2)) body.took_some = random_.once_in(2);
        }
        if constexpr (requires { body.counts; }) {
            for (FailureCount& count : body.counts) {
                count = {number<Tid>(6),     number<std::uint16_t>(50), 32,    random_.once_in(2),
                         random_.once_in(3), number<std::uint64_t>(9),  time()};
            }
        }
        return body;
    }

    template <std::size_t... kIndices>
    EventBody body_of_kind(std::size_t kind, std::index_sequence<kIndices...>) {
        EventBody made;
        ((kind == kIndices ? void(made = filled(std::variant_alternative_t<kIndices, EventBody>{})) : void()),
         ...);
        return made;
    }
    EventBody body() {
        constexpr std::size_t kKinds = std::variant_size_v<EventBody>;
        return body_of_kind(random_.below(kKinds), std::make_index_sequence<kKinds>{});
    }

    Random& random_;
    Ktime now_;
};

TEST(HostileSimulation, WhateverComesIsToldAsValidIncidents) {
    std::uint64_t told = 0;
    for_each_seed(kSeeds, [&](Random& random) {
        ChainTable chains;
        BurstTable bursts;
        std::map<std::string, std::uint32_t> revisions;
        CorrelatorConfig config = config_of({});
        config.endpoints_max = config.failures_max = 4;
        Correlator correlator(config, [&](Incident&& incident) {
            diagnose(incident);
            chains.join(incident);
            bursts.join(incident);
            valid_json(incident);
            if (incident.revision > 0) {
                EXPECT_EQ(incident.revision, revisions[incident.id] + 1) << incident.id;
            }
            revisions[incident.id] = incident.revision;
            EXPECT_NE(incident.caused_by, incident.id);
            if (incident.caused_by) {
                EXPECT_TRUE(revisions.contains(*incident.caused_by)) << "told before what it led to";
            }
            ++told;
        });
        Garbage garbage(random);
        Ktime now{kBeginNs};
        for (int i = 0; i < kEvents; ++i) {
            now = now + random.below(3'000'000);
            correlator.observe(garbage.event(now));
            if (random.once_in(10)) correlator.set_lost({random.below(100)});
            if (random.once_in(3))
                correlator.advance_to(random.once_in(20) ? Ktime{random.below(kBeginNs)} : now);
        }
        correlator.finish();
        EXPECT_EQ(correlator.open_failures(), 0U);
    });
    EXPECT_GT(told, 0U);
}

}  // namespace
}  // namespace pipetrace::testing
