// Each RST is counted once, under the reason of whoever sent it, as far as that can be known.
#include "correlate/correlator.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace pipetrace {
namespace {

constexpr std::uint64_t kMillisecondNs = 1'000'000;
constexpr Ktime kBegin{100 * 1'000'000'000ULL};

/// Those that were counted at all.
std::map<std::string, std::uint64_t> counts_of(const ResetTally& tally) {
    std::map<std::string, std::uint64_t> counts;
    for (std::size_t place = 0; place < ResetTally::kPlaces; ++place)
        if (tally.at(place) > 0) counts[ResetTally::name(place)] = tally.at(place);
    return counts;
}
using Counts = std::map<std::string, std::uint64_t>;

Address address(std::uint8_t last, std::uint16_t port) {
    Address made;
    made.ip[10] = made.ip[11] = 0xff;
    made.ip[12] = 10;
    made.ip[15] = last;
    made.port = port;
    return made;
}

class ResetReasons : public ::testing::Test {
protected:
    void feed(Ktime at, EventBody body) {
        Event event;
        event.at = at;
        event.body = std::move(body);
        correlator_.observe(event);
        correlator_.advance_to(at);
    }

    static Endpoint receiver(std::uint16_t port) {
        Endpoint made;
        made.kind = EndpointKind::kTcp;
        made.id = port;
        made.netns = 1;
        made.state = TcpState::kEstablished;
        made.local = address(1, port);
        made.remote = address(2, 80);
        return made;
    }

    void receive(Ktime at, std::uint16_t port) {
        ResetReceived reset;
        reset.endpoint = receiver(port);
        feed(at, reset);
    }

    void send(Ktime at, std::uint16_t port, std::optional<int> reason, bool active = false) {
        ResetSent sent;
        sent.endpoint = receiver(port);
        sent.endpoint.id = active ? 1'000'000U + port : 0;
        std::swap(sent.endpoint.local, sent.endpoint.remote);
        sent.active = active;
        sent.reason = reason;
        feed(at, sent);
    }

    static CorrelatorConfig config() {
        CorrelatorConfig config;
        config.resets_sent_seen = true;
        return config;
    }

    Correlator correlator_{config(), [](Incident&&) {}};
};

TEST_F(ResetReasons, OfThoseSentAsTheKernelNamesThem) {
    send(kBegin, 5000, kResetNoSocket);
    send(kBegin + 1, 5001, kResetNoSocket);
    send(kBegin + 2, 5002, kResetNotSpecified);
    send(kBegin + 3, 5003, std::nullopt);
    send(kBegin + 4, 5004, 1000);
    send(kBegin + 5, 5005, -1);
    correlator_.finish();
    EXPECT_EQ(counts_of(correlator_.sent_by_reason()),
              (Counts{{"NO_SOCKET", 2}, {"NOT_SPECIFIED", 1}, {"unknown", 3}}));
    EXPECT_EQ(correlator_.resets_sent(), 6U);
    EXPECT_EQ(correlator_.received_by_reason().total(), 0U);
}

TEST_F(ResetReasons, OfThoseReceivedAsTheirSenderOnThisHostNamedThem) {
    send(kBegin, 5000, kResetTimeWait);
    receive(kBegin + 1000, 5000);
    receive(kBegin + 2000, 5001);  // from elsewhere
    correlator_.finish();
    EXPECT_EQ(counts_of(correlator_.received_by_reason()),
              (Counts{{"TCP_TIMEWAIT_SOCKET", 1}, {"unknown", 1}}));
    EXPECT_EQ(correlator_.resets_received(), 2U);
}

TEST_F(ResetReasons, AnAbortIsWaitedForWhoseRecordIsYoungerThanItsRst) {
    EndpointRemembered sender;
    sender.endpoint = receiver(5000);
    sender.endpoint.id = 1'005'000;
    std::swap(sender.endpoint.local, sender.endpoint.remote);
    feed(kBegin - kMillisecondNs, sender);
    receive(kBegin, 5000);
    correlator_.advance_to(kBegin + 20 * kMillisecondNs);
    EXPECT_EQ(correlator_.resets_received(), 1U);
    EXPECT_EQ(correlator_.received_by_reason().total(), 0U) << "its reason may still come";
    send(kBegin + 21 * kMillisecondNs, 5000, kResetAbortOnClose, true);
    correlator_.advance_to(kBegin + kAbortRecordLagNs + 11 * kMillisecondNs);
    EXPECT_EQ(counts_of(correlator_.received_by_reason()), (Counts{{"TCP_ABORT_ON_CLOSE", 1}}));
    correlator_.finish();
    EXPECT_EQ(correlator_.received_by_reason().total(), 1U) << "once";
}

TEST_F(ResetReasons, EachRefusalOfOneSocketIsCounted) {
    for (std::uint64_t attempt = 0; attempt < 3; ++attempt) {
        send(kBegin + attempt * kMillisecondNs, 5000, kResetNoSocket);
        receive(kBegin + attempt * kMillisecondNs + 1000, 5000);
    }
    correlator_.finish();
    EXPECT_EQ(counts_of(correlator_.received_by_reason()), (Counts{{"NO_SOCKET", 3}}));
    EXPECT_EQ(correlator_.resets_received(), 3U);
}

TEST_F(ResetReasons, AreCountedToTheLastWhereMoreComeThanAreRemembered) {
    CorrelatorConfig small = config();
    small.endpoints_max = 10;
    Correlator correlator(small, [](Incident&&) {});
    for (std::uint16_t port = 1; port <= 1000; ++port) {
        Event event;
        event.at = kBegin + port;
        ResetReceived reset;
        reset.endpoint = receiver(port);
        event.body = reset;
        correlator.observe(event);
        correlator.advance_to(event.at + small.reorder_ns);
    }
    correlator.finish();
    EXPECT_EQ(correlator.resets_received(), 1000U);
    EXPECT_EQ(counts_of(correlator.received_by_reason()), (Counts{{"unknown", 1000}}));
}

}  // namespace
}  // namespace pipetrace
