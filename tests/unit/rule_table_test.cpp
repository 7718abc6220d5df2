// The order of the rules, and how the diagnoser uses them.
#include "diagnose/rule_table.h"

#include "diagnose/diagnoser.h"
#include "sample_incident.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <sstream>

namespace pipetrace {
namespace {

using testing::sample_incident;

std::size_t place_of(Cause cause) {
    const auto rules = rule_table();
    const auto found = std::find_if(rules.begin(), rules.end(),
                                    [&](const Rule& rule) { return rule.cause == cause; });
    return static_cast<std::size_t>(found - rules.begin());
}

/// Reset in CLOSE_WAIT, with the FIN seen and data sent after it.
Incident late_write() {
    Incident incident = sample_incident();
    incident.facts.fin_received = true;
    incident.facts.was_connected = true;
    incident.facts.sent_after_fin = true;
    incident.facts.peer_on_host = true;
    return incident;
}

Closure killed() {
    Closure closure;
    closure.at = testing::kSampleAt - 1'000'000;
    closure.exiting = true;
    closure.signal = 9;
    return closure;
}

TEST(RuleTable, PrefersOriginsAsTheContractOrdersThem) {
    const std::vector<Cause> order{Cause::kPeerProcessDied, Cause::kPeerClosedUnreadData,
                                   Cause::kPeerAbortiveClose, Cause::kCloseRace,
                                   Cause::kWriteAfterPeerClose, Cause::kPeerReset};
    for (std::size_t i = 1; i < order.size(); ++i) {
        EXPECT_LT(place_of(order[i - 1]), place_of(order[i])) << cause_name(order[i]);
    }
    EXPECT_LT(place_of(order.back()), rule_table().size());
}

TEST(RuleTable, EachCauseHasOneRuleAndItsEvidenceIsWellFormed) {
    std::set<Cause> causes;
    for (const Rule& rule : rule_table()) {
        EXPECT_TRUE(causes.insert(rule.cause).second) << cause_name(rule.cause);
        std::istringstream words(rule.evidence);
        std::string word;
        int count = 0;
        for (; words >> word; ++count) {
            const std::string side = word.substr(0, word.find(':'));
            EXPECT_TRUE(side == "local" || side == "peer" || side == "network") << word;
        }
        EXPECT_GT(count, 0) << cause_name(rule.cause);
    }
}

TEST(RuleTable, FamilyFollowsTheEndpointAndTheReset) {
    Incident incident = sample_incident();
    EXPECT_EQ(family_of(incident), Family::kTcpReset);
    incident.rst.reset();
    EXPECT_EQ(family_of(incident), Family::kTcpNoReset);
    incident.endpoint.kind = EndpointKind::kPipe;
    EXPECT_EQ(family_of(incident), Family::kPipe);
}

TEST(Diagnoser, NamesTheOriginNotTheLastStep) {
    Incident incident = late_write();
    diagnose(incident);
    EXPECT_EQ(incident.verdict.cause, Cause::kWriteAfterPeerClose);
    EXPECT_EQ(incident.verdict.confidence, Confidence::kCertain);
    incident.facts.peer_closure = killed();
    diagnose(incident);
    EXPECT_EQ(incident.verdict.cause, Cause::kPeerProcessDied);
    const auto& rejected = incident.verdict.rejected;
    EXPECT_TRUE(std::any_of(rejected.begin(), rejected.end(), [](const RejectedCause& rival) {
        return rival.cause == Cause::kWriteAfterPeerClose && !rival.because.empty();
    })) << "the later step is a rejected rival";
}

TEST(Diagnoser, EvidencePointsAtTheEntriesThatProveIt) {
    Incident incident = late_write();
    diagnose(incident);
    EXPECT_EQ(incident.verdict.evidence, (std::vector<std::size_t>{0, 1, 2, 3}));
    incident.timeline.erase(incident.timeline.begin());
    diagnose(incident);
    EXPECT_EQ(incident.verdict.evidence, (std::vector<std::size_t>{0, 1, 2}));
}

TEST(Diagnoser, WhatIsNotKnownOfTheFinIsLessThanCertain) {
    Incident incident = late_write();
    incident.facts.sent_after_fin.reset();
    diagnose(incident);
    EXPECT_EQ(incident.verdict.cause, Cause::kWriteAfterPeerClose);
    EXPECT_EQ(incident.verdict.confidence, Confidence::kLikely);
}

TEST(Diagnoser, LossLowersCertaintyAndNothingElse) {
    Incident incident = late_write();
    diagnose(incident);
    const Verdict sure = incident.verdict;
    incident.lost = 1;
    diagnose(incident);
    EXPECT_EQ(incident.verdict.confidence, Confidence::kLikely);
    EXPECT_EQ(incident.verdict.cause, sure.cause);
    EXPECT_EQ(incident.verdict.summary, sure.summary);
    EXPECT_EQ(incident.verdict.severity, sure.severity);
}

TEST(Diagnoser, JudgesAnewEachTime) {
    Incident incident = late_write();
    diagnose(incident);
    const Verdict first = incident.verdict;
    diagnose(incident);
    EXPECT_EQ(incident.verdict.rejected.size(), first.rejected.size());
    EXPECT_EQ(incident.verdict.evidence, first.evidence);
}

/// A unix socket is no pipe: of an end of which nothing was seen, the cause is not known.
TEST(Diagnoser, DoesNotJudgeAUnixSocketAsAPipe) {
    Incident incident = sample_incident();
    incident.endpoint = {};
    incident.endpoint.kind = EndpointKind::kUnix;
    incident.rst.reset();
    diagnose(incident);
    EXPECT_EQ(incident.verdict.cause, Cause::kUnknown);
    EXPECT_NE(incident.verdict.summary, "");
}

TEST(Diagnoser, AnEmptyIncidentIsUnknown) {
    Incident incident;
    diagnose(incident);
    EXPECT_EQ(incident.verdict.cause, Cause::kUnknown);
    EXPECT_EQ(incident.verdict.confidence, Confidence::kUnknown);
    EXPECT_EQ(incident.verdict.severity, Severity::kWarning);
    EXPECT_NE(incident.verdict.summary, "");
    EXPECT_NE(incident.verdict.advice, "");
    EXPECT_FALSE(incident.verdict.rejected.empty());
}

}  // namespace
}  // namespace pipetrace
