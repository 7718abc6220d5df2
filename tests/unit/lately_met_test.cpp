#include "app/lately_met.h"

#include <gtest/gtest.h>

namespace pipetrace {
namespace {

template <typename Body>
Event failure(Tgid tgid, std::uint64_t id) {
    Body body;
    body.endpoint.id = id;
    Event event;
    event.task.process.tgid = tgid;
    event.body = body;
    return event;
}

std::vector<std::uint64_t> ends_of(const LatelyMet& met, Tgid tgid) {
    std::vector<std::uint64_t> ids;
    met.add_ends_of(tgid, ids);
    return ids;
}

TEST(LatelyMet, KnowsTheEndsOfEachProcess) {
    LatelyMet met;
    met.note(failure<CallFailed>(7, 100));
    met.note(failure<SigpipeGenerated>(7, 101));
    met.note(failure<CallFailed>(8, 102));
    EXPECT_EQ(ends_of(met, 7), (std::vector<std::uint64_t>{100, 101}));
    EXPECT_EQ(ends_of(met, 8), (std::vector<std::uint64_t>{102}));
    EXPECT_TRUE(ends_of(met, 9).empty());
    EXPECT_TRUE(ends_of(met, 0).empty()) << "nobody's, though most of it is unused";
}

TEST(LatelyMet, TakesFailuresOfKnownEndsAlone) {
    LatelyMet met;
    met.note(failure<ResetReceived>(7, 100));
    met.note(failure<SigpipeGenerated>(7, 0));
    EXPECT_TRUE(ends_of(met, 7).empty());
}

TEST(LatelyMet, TheOldestMakesRoom) {
    LatelyMet met;
    met.note(failure<CallFailed>(7, 1));
    for (std::uint64_t i = 1; i < LatelyMet::kMetMax; ++i) met.note(failure<CallFailed>(8, i));
    EXPECT_EQ(ends_of(met, 7).size(), 1U);
    EXPECT_EQ(ends_of(met, 8).size(), LatelyMet::kMetMax - 1);
    met.note(failure<CallFailed>(8, 5000));
    EXPECT_TRUE(ends_of(met, 7).empty());
    EXPECT_EQ(ends_of(met, 8).size(), LatelyMet::kMetMax);
}

}  // namespace
}  // namespace pipetrace
