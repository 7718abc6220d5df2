// On a terminal many alike are told once, a few are told each, and none is lost.
#include "render/burst_teller.h"
#include "render/burst_text.h"
#include "render/utf8.h"
#include "sample_incident.h"

#include <gtest/gtest.h>

#include <sstream>

namespace pipetrace {
namespace {

using namespace testing;

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr TextStyle kPlain{false, 80, false, true};

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

BurstStory story_of(std::uint64_t size) {
    BurstStory story;
    story.burst = Burst{"burst-1", size, 400'000, BurstPattern::kOneInstant};
    story.first_at = kSampleAt;
    story.cause = Cause::kPeerReset;
    story.severity = Severity::kFault;
    story.comm = "nginx";
    story.tgid = 812;
    story.remote_host = "10.0.0.7";
    story.error = 104;
    story.instants_us = 12'300;
    story.first_ids = {"a1", "a2", "a3", "a4", "a5"};
    return story;
}

class Teller : public ::testing::Test {
protected:
    std::string tell(const std::string& id, std::uint64_t group, std::uint64_t burst_size = 0,
                     std::uint32_t revision = 0) {
        Incident incident = sample_incident();
        incident.id = id;
        incident.alike_group = group;
        incident.revision = revision;
        const BurstStory story = story_of(burst_size);
        std::string out;
        teller_.tell(incident, burst_size > 0 ? &story : nullptr, now_, out);
        return out;
    }
    std::string after(std::uint64_t ns) {
        now_ = now_ + ns;
        std::string out;
        teller_.advance_to(now_, out);
        return out;
    }
    std::string finish() {
        std::string out;
        teller_.finish(out);
        return out;
    }
    static std::size_t count(const std::string& text, const std::string& part) {
        std::size_t found = 0;
        for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
        return found;
    }

    BurstTeller teller_{sample_clocks(), kPlain};
    Ktime now_ = kSampleAt;
};

TEST_F(Teller, FirstOfAKindIsToldAtOnceAndFewAreToldEach) {
    EXPECT_TRUE(contains(tell("a1", 1), "#1"));
    EXPECT_EQ(tell("a2", 1), "");
    EXPECT_EQ(tell("a3", 1), "");
    EXPECT_TRUE(contains(tell("b1", 2), "#2")) << "another kind does not wait for the first";
    EXPECT_EQ(after(kSecond - 1), "");
    EXPECT_TRUE(teller_.is_holding());
    const std::string told = after(1);
    EXPECT_TRUE(contains(told, "#3") && contains(told, "#4"));
    EXPECT_FALSE(teller_.is_holding());
}

TEST_F(Teller, BurstIsToldOnceWithItsCountSoFar) {
    tell("a1", 1);
    for (const char* id : {"a2", "a3", "a4"}) EXPECT_EQ(tell(id, 1), "");
    EXPECT_EQ(tell("a5", 1, 5), "");
    EXPECT_EQ(tell("a6", 1, 6), "");
    const std::string told = after(kSecond);
    EXPECT_EQ(count(told, "Burst  "), 1U) << told;
    EXPECT_TRUE(contains(told, "6 x peer_reset of nginx[812] from 10.0.0.7 in 400.0 ms")) << told;
    EXPECT_FALSE(contains(told, "#2"));
    EXPECT_EQ(tell("a7", 1, 7), "");
    EXPECT_EQ(after(5 * kSecond), "");
    EXPECT_FALSE(teller_.is_holding());
    EXPECT_EQ(finish(), "");
}

TEST_F(Teller, OthersOfTheGroupAreToldBesideTheBurst) {
    tell("a1", 1);
    tell("other", 1);
    for (const char* id : {"a2", "a3", "a4"}) tell(id, 1);
    tell("a5", 1, 5);
    const std::string told = finish();
    EXPECT_EQ(count(told, "Burst  "), 1U);
    EXPECT_EQ(count(told, "#2"), 1U);
    EXPECT_FALSE(contains(told, "#3"));
}

TEST_F(Teller, RevisionsFollowTheirIncident) {
    tell("a1", 1);
    tell("a2", 1);
    EXPECT_EQ(tell("a2", 1, 0, 1), "") << "still held: it takes the place of the first";
    EXPECT_TRUE(contains(tell("a1", 1, 0, 1), "#1 (revision 1)"));
    const std::string told = after(kSecond);
    EXPECT_EQ(count(told, "#2"), 1U);
    EXPECT_FALSE(contains(told, "revision"));
    tell("a5", 1, 5);
    EXPECT_EQ(tell("a5", 1, 5, 1), "") << "the block stands for it";
}

TEST_F(Teller, NothingIsLostAtTheEnd) {
    tell("a1", 1);
    tell("a2", 1);
    EXPECT_EQ(count(finish(), "#2"), 1U);
    EXPECT_FALSE(teller_.is_holding());
}

TEST_F(Teller, WhatIsHeldIsBoundedAndToldEarly) {
    std::string told = tell("a0", 1);
    for (int i = 1; i < 2000; ++i) told += tell("a" + std::to_string(i + 100), 1);
    told += finish();
    EXPECT_TRUE(contains(told, "#2000"));
    EXPECT_EQ(count(told, "    Cause "), 2000U);
}

TEST_F(Teller, CauseThatIsHeldIsToldBeforeItsEffect) {
    tell("a1", 1);
    tell("a2", 1);
    Incident effect = sample_incident();
    effect.id = "b1";
    effect.alike_group = 2;
    effect.caused_by = "a2";
    std::string out;
    teller_.tell(effect, nullptr, now_, out);
    EXPECT_TRUE(contains(out, "brought about by #2")) << out;
}

TEST(BurstBlock, FitsTheTerminalAndSaysWhatAllShare) {
    const std::string block = burst_block(story_of(12), sample_clocks(), kPlain);
    std::istringstream lines(block);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(display_width(line), 80U) << line;
    EXPECT_TRUE(contains(block, "12 x peer_reset of nginx[812] from 10.0.0.7 in")) << block;
    EXPECT_TRUE(contains(block, "each ECONNRESET first"));
    EXPECT_TRUE(contains(block, "broke within 12.3 ms"));
}

TEST(BurstBlock, EachPatternHasItsWords) {
    BurstStory story = story_of(12);
    story.burst.pattern = BurstPattern::kSameIdleAge;
    story.idle_us_min = 349'000'000;
    story.idle_us_max = 350'000'000;
    TextStyle wide = kPlain;
    wide.width = 400;
    const std::string timer = burst_block(story, sample_clocks(), wide);
    EXPECT_TRUE(contains(timer, "silent for the same time, 5 min 49 s to 5 min 50 s")) << timer;
    EXPECT_TRUE(contains(timer, "TCP_KEEPIDLE"));
    story.burst.pattern = BurstPattern::kNoBytes;
    story.severity = Severity::kBenign;
    const std::string checks = burst_block(story, sample_clocks(), wide);
    EXPECT_EQ(std::count(checks.begin(), checks.end(), '\n'), 1) << "benign ones take one line";
    EXPECT_TRUE(contains(checks, "none carried a byte, benign"));
}

TEST(BurstBlock, HostileNamesStayHarmless) {
    BurstStory story = story_of(12);
    story.comm = "\x1b[2J";
    story.remote_host = "\x1b[3J";
    EXPECT_FALSE(contains(burst_block(story, sample_clocks(), kPlain), "\x1b"));
    story.peer_comm = "\x1b[4J";
    EXPECT_FALSE(contains(burst_headline(story), "\x1b"));
}

}  // namespace
}  // namespace pipetrace
