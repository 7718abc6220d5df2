// RSTs between two hosts, made by hand: as the one's incident tells of it, and as the other's.
#pragma once

#include "merge/host_merge.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace pipetrace::testing {

using Outcome = HostMerge::Outcome;

inline constexpr std::uint64_t kSecond = 1'000'000'000;
inline constexpr ClockOffsets kWeb{1'767'000'000'000'000'000, 0};
/// Booted 50 s later, and set 183.402 s wrong.
inline constexpr std::uint64_t kBootedLater = 50 * kSecond;
inline constexpr ClockOffsets kDb{1'767'000'000'000'000'000 + 50'000'000'000 + 183'402'000'000, 0};

struct Rst {
    std::string client = "192.0.2.10:50870";
    std::string server = "198.51.100.7:6379";
    std::uint32_t seq = 4711;
    std::uint64_t at = 100 * kSecond;  ///< by web1's clock, when it left
    std::uint64_t way_ns = 500'000;
    std::string id = "1";
};

inline Incident received(const Rst& rst) {
    Incident incident;
    incident.id = "w" + rst.id;
    incident.at = Ktime{rst.at + rst.way_ns};
    incident.endpoint.local = rst.client;
    incident.endpoint.remote = rst.server;
    incident.endpoint.rtt_us = 1000;
    incident.rst = RstFacts{};
    incident.rst->state = TcpState::kEstablished;
    incident.rst->seq = rst.seq;
    incident.rst->flags = "RST|ACK";
    incident.rst->at = incident.at;
    return incident;
}

inline Incident sent(const Rst& rst) {
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

class TwoHosts : public ::testing::Test {
protected:
    HostMerge merge_;
    std::uint32_t web_ = merge_.add_stream({"web1", "0f3c", "6.12.0"}, kWeb);
    std::uint32_t db_ = merge_.add_stream({"db1", "77aa", "6.1.0"}, kDb);

    void note_pair(const Rst& rst) {
        merge_.note(web_, received(rst));
        merge_.note(db_, sent(rst));
    }
    /// Another connection's, alike in all but its time.
    void note_sent_again(Rst rst, std::uint64_t at) {
        rst.at = at;
        rst.id = "2";
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

}  // namespace pipetrace::testing
