// Every cause that diagnose/ can name has a story that leads to it, words, and an explanation that
// judges it alike.
#include "diagnose/rule_table.h"
#include "render/explanations.h"
#include "scenario.h"

#include <gtest/gtest.h>

#include <set>

namespace pipetrace::testing {
namespace {

std::set<Cause> nameable_causes() {
    std::set<Cause> causes{Cause::kUnknown};
    for (const Rule& rule : rule_table()) causes.insert(rule.cause);
    return causes;
}

TEST(Coverage, EveryCauseHasAStory) {
    std::set<Cause> told;
    for (const Scenario& scenario : all_scenarios()) {
        told.insert(scenario.causes.begin(), scenario.causes.end());
    }
    for (const Cause cause : nameable_causes()) EXPECT_TRUE(told.contains(cause)) << cause_name(cause);
}

TEST(Coverage, EveryIncidentHasWordsAndEveryCertainOneEvidence) {
    for (const Scenario& scenario : all_scenarios()) {
        for (const Told& told : play(scenario.story())) {
            const Verdict& verdict = told.incident.verdict;
            EXPECT_NE(verdict.summary, "") << scenario.name;
            EXPECT_NE(verdict.advice, "") << scenario.name;
            EXPECT_EQ(verdict.summary.find("  "), std::string::npos) << verdict.summary;
            if (verdict.confidence == Confidence::kCertain) {
                EXPECT_FALSE(verdict.evidence.empty()) << scenario.name;
            }
            for (const RejectedCause& rejected : verdict.rejected) {
                EXPECT_NE(rejected.because, "") << scenario.name << " " << cause_name(rejected.cause);
                EXPECT_NE(rejected.cause, verdict.cause) << scenario.name;
            }
        }
    }
}

TEST(Coverage, EveryCauseIsExplainedWithTheSameSeverity) {
    for (const Rule& rule : rule_table()) {
        const Explanation* explanation = find_explanation(cause_name(rule.cause));
        ASSERT_NE(explanation, nullptr) << cause_name(rule.cause);
        EXPECT_EQ(explanation->severity, rule.severity) << cause_name(rule.cause);
    }
}

TEST(Coverage, NamesOfStoriesAreTheirOwn) {
    std::set<std::string> names;
    for (const Scenario& scenario : all_scenarios()) {
        EXPECT_TRUE(names.insert(scenario.name).second) << scenario.name;
    }
    EXPECT_GE(names.size(), 20U);
}

}  // namespace
}  // namespace pipetrace::testing
