// What a loss makes uncertain: only what the lost record could have told of.
#include "model/loss_counts.h"

#include "correlate/correlator.h"

#include <gtest/gtest.h>

#include <vector>

namespace pipetrace {
namespace {

constexpr Ktime kReaderGone{1'000'000'000}, kLost{2'000'000'000}, kWritten{3'000'000'000};

Event at(Ktime time, Tgid tgid, EventBody body) {
    Event event;
    event.at = time;
    event.task.process = {tgid, 1};
    event.task.tid = tgid;
    event.body = std::move(body);
    return event;
}

/// A write to a pipe whose reader, 55, had closed it; in between, something was lost.
Incident broken_pipe(const LossTotals& lost) {
    std::vector<Incident> told;
    Correlator correlator({}, [&](Incident&& incident) { told.push_back(std::move(incident)); });
    OtherEndSeen seen;
    seen.endpoint.kind = EndpointKind::kPipe;
    seen.endpoint.id = 7;
    seen.closure.at = kReaderGone;
    seen.closure.by.process = {55, 1};
    correlator.observe(at(kReaderGone, 55, seen));
    correlator.advance_to(kReaderGone);
    correlator.set_lost(lost);
    correlator.advance_to(kLost);
    SigpipeGenerated raised;
    raised.endpoint = seen.endpoint;
    correlator.observe(at(kWritten, 100, raised));
    correlator.finish();
    EXPECT_EQ(told.size(), 1U);
    return told.at(0);
}

TEST(LossCounts, WhatATcpHookMissedIsNoPipes) {
    const Incident incident = broken_pipe(loss_totals({{"missed inet_sock_set_state", 2}}));
    EXPECT_EQ(incident.lost, 0U);
    EXPECT_TRUE(incident.peer.has_value());
}

TEST(LossCounts, AnyOtherMayBeAnyones) {
    for (const char* kind : {"missed signal_generate", "sigpipe generated", "undecodable"}) {
        const Incident incident = broken_pipe(loss_totals({{kind, 2}}));
        EXPECT_EQ(incident.lost, 2U) << kind;
        EXPECT_FALSE(incident.peer.has_value()) << kind;
    }
}

}  // namespace
}  // namespace pipetrace
