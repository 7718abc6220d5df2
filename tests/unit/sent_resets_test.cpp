#include "correlate/sent_resets.h"

#include <gtest/gtest.h>

namespace pipetrace {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;
constexpr Ktime kBegin{100 * kSecondNs};

Address v4(std::uint8_t first, std::uint8_t last, std::uint16_t port) {
    Address address;
    address.ip[10] = address.ip[11] = 0xff;
    address.ip[12] = first;
    address.ip[15] = last;
    address.port = port;
    return address;
}

Endpoint receiver(std::uint16_t port, std::uint32_t netns = 1, std::uint8_t network = 10) {
    Endpoint made;
    made.kind = EndpointKind::kTcp;
    made.netns = netns;
    made.local = v4(network, 1, port);
    made.remote = v4(network, 2, 80);
    return made;
}

SentReset sent_to(const Endpoint& receiver, Ktime at, bool active = false) {
    Stamped<ResetSent> sent{at, {}, {}};
    sent.body.endpoint = receiver;
    std::swap(sent.body.endpoint.local, sent.body.endpoint.remote);
    sent.body.active = active;
    return std::make_shared<const Stamped<ResetSent>>(sent);
}

TEST(SentResets, IsFoundByWhoeverItWasSentTo) {
    SentResets resets(8);
    const SentReset sent = sent_to(receiver(5000), kBegin);
    resets.add(sent);
    EXPECT_EQ(resets.find(receiver(5000, 99), kBegin + 1000), sent) << "across network namespaces";
    EXPECT_EQ(resets.find(receiver(5001), kBegin + 1000), nullptr);
    EXPECT_EQ(resets.find(receiver(5000), kBegin - 1000), nullptr) << "not before it left";
    EXPECT_EQ(resets.find(receiver(5000), kBegin + kResetTravelNsMax + 1), nullptr) << "nor long after";
}

TEST(SentResets, LoopbackAddressesMeanOneNamespaceOnly) {
    SentResets resets(8);
    resets.add(sent_to(receiver(5000, 1, 127), kBegin));
    EXPECT_EQ(resets.find(receiver(5000, 2, 127), kBegin + 1000), nullptr);
    EXPECT_NE(resets.find(receiver(5000, 1, 127), kBegin + 1000), nullptr);
}

TEST(SentResets, AnAbortIsNotHiddenByAnswersToWhatCameAfterIt) {
    SentResets resets(8);
    const SentReset abort = sent_to(receiver(5000), kBegin, true);
    resets.add(abort);
    resets.add(sent_to(receiver(5000), kBegin + 1000));
    EXPECT_EQ(resets.find(receiver(5000), kBegin + 2000), abort);
    const Ktime later = kBegin + kResetTravelNsMax + 1;
    const SentReset answer = sent_to(receiver(5000), later);
    resets.add(answer);
    EXPECT_EQ(resets.find(receiver(5000), later + 1000), answer) << "of another connection by then";
}

TEST(SentResets, AnAbortHidesNothingFromAConnectionThatWasOpenedLater) {
    SentResets resets(8);
    const SentReset abort = sent_to(receiver(5000), kBegin, true);
    resets.add(abort);
    ASSERT_EQ(resets.find(receiver(5000), kBegin + 1000), abort);
    const SentReset answer = sent_to(receiver(5000), kBegin + 2000);
    resets.add(answer);
    EXPECT_EQ(resets.find(receiver(5000), kBegin + 3000, kBegin + 1500), answer)
        << "the addresses recur at once";
    EXPECT_EQ(resets.find(receiver(5000), kBegin + 3000, kBegin), abort);
}

TEST(SentResets, AreBoundedByAge) {
    SentResets resets(8);
    resets.add(sent_to(receiver(5000), kBegin));
    resets.add(sent_to(receiver(5001), kBegin + kSecondNs));
    resets.forget_old(kBegin + 1 + kResetTravelNsMax);
    EXPECT_EQ(resets.find(receiver(5000), kBegin + kSecondNs), nullptr);
    EXPECT_NE(resets.find(receiver(5001), kBegin + kSecondNs), nullptr);
    EXPECT_EQ(resets.size(), 1U);
    EXPECT_EQ(resets.evicted(), 0U) << "too old to matter is no loss";
}

TEST(SentResets, WhatWasReceivedGoesSooner) {
    SentResets resets(8);
    resets.add(sent_to(receiver(5000), kBegin));
    resets.add(sent_to(receiver(5001), kBegin));
    ASSERT_NE(resets.find(receiver(5000), kBegin + 1), nullptr);
    resets.forget_old(kBegin + kResetReceivedNsMax);
    EXPECT_NE(resets.find(receiver(5000), kBegin + 2), nullptr) << "records of that moment still ask for it";
    resets.forget_old(kBegin + 1 + kResetReceivedNsMax);
    EXPECT_EQ(resets.find(receiver(5000), kBegin + 2), nullptr);
    EXPECT_NE(resets.find(receiver(5001), kBegin + 2), nullptr) << "its receiver may still come";
    EXPECT_EQ(resets.evicted(), 0U);
}

TEST(SentResets, AreBoundedByNumberAndCountWhatWent) {
    SentResets resets(8);
    for (std::uint16_t port = 0; port < 20; ++port) resets.add(sent_to(receiver(port), kBegin + port));
    EXPECT_EQ(resets.size(), 8U);
    EXPECT_EQ(resets.evicted(), 12U);
    EXPECT_EQ(resets.find(receiver(11), kBegin + 100), nullptr);
    EXPECT_NE(resets.find(receiver(12), kBegin + 100), nullptr);
}

TEST(SentResets, WhatWasReceivedIsNotMissedAfterwards) {
    SentResets resets(8);
    for (std::uint16_t port = 0; port < 20; ++port) {
        const SentReset sent = sent_to(receiver(port), kBegin + port);
        resets.add(sent);
        if (port == 3) resets.received(sent);
        if (port == 5) resets.find(receiver(port), kBegin + port);
    }
    EXPECT_EQ(resets.evicted(), 10U);
}

TEST(SentResets, OneConnectionTakesOnePlace) {
    SentResets resets(8);
    for (std::uint64_t i = 0; i < 100; ++i) resets.add(sent_to(receiver(5000), kBegin + i));
    EXPECT_EQ(resets.size(), 1U);
    EXPECT_EQ(resets.evicted(), 0U);
    EXPECT_NE(resets.find(receiver(5000), kBegin + 100), nullptr);
}

}  // namespace
}  // namespace pipetrace
