// Which stories end because their process holds the pipe no more: those alone, once counted, and whenever
// much is open.
#include "app/released_ends.h"

#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <vector>

namespace pipetrace {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;
constexpr std::uint64_t kFifo = 1ULL << 56;
constexpr Tgid kWriter = 7;

class Holder final : public ProcessLookup {
public:
    void describe(InvolvedProcess&, Ktime) override {}
    std::optional<std::vector<std::uint64_t>> open_inodes(Tgid) const override {
        ++looks;
        if (is_unreadable) return std::nullopt;
        return std::vector(held.begin(), held.end());
    }
    std::set<std::uint64_t> held;
    bool is_unreadable = false;
    mutable int looks = 0;
};

class Counts final : public EventSource {
public:
    std::size_t drain(const RecordSink&) override { return 0; }
    bool wait(std::chrono::milliseconds, std::span<pollfd>) override { return false; }
    LossCounts losses() const override { return {}; }
    const HookReport& hook_report() const override { return report_; }
    std::uint32_t ticks_per_second() const override { return 1000; }
    void failure_counts_of(const RecordSink&, Tgid, std::span<const std::uint64_t> ids, Ktime) override {
        asked.insert(ids.begin(), ids.end());
    }
    std::set<std::uint64_t> asked;

private:
    HookReport report_;
};

class ReleasedEndsTest : public ::testing::Test {
protected:
    void fail(std::uint64_t first, std::uint64_t last) {
        for (std::uint64_t id = first; id < last; ++id) {
            Event event;
            event.at = now_ = Ktime{now_.ns + 1};
            event.task.process = {kWriter, 1};
            event.task.tid = kWriter;
            SigpipeGenerated raised;
            raised.endpoint.kind = EndpointKind::kPipe;
            raised.endpoint.id = id;
            event.body = raised;
            correlator_.observe(event);
        }
    }
    /// Two seconds, in which what failed is told.
    void pass() {
        for (int i = 0; i < 4; ++i) {
            now_ = Ktime{now_.ns + kSecondNs / 2};
            correlator_.advance_to(now_);
            released_.look(
                correlator_, holder_, counts_, [](std::span<const std::byte>) {}, now_);
        }
    }

    std::size_t told_ = 0;
    Ktime now_{100 * kSecondNs};
    Correlator correlator_{{}, [this](Incident&&) { ++told_; }};
    Holder holder_;
    Counts counts_;
    ReleasedEnds released_;
};

TEST_F(ReleasedEndsTest, WhatIsNotHeldEnds) {
    holder_.held = {3, 5};
    fail(1, 1001);
    pass();
    pass();
    EXPECT_EQ(correlator_.open_failures(), 2U);
    EXPECT_EQ(told_, 1000U) << "each once: nothing new is known of them";
    EXPECT_EQ(counts_.asked.size(), 998U) << "how often each failed was asked for before";
    EXPECT_FALSE(counts_.asked.contains(3));
}

TEST_F(ReleasedEndsTest, LittleIsNotLookedAt) {
    fail(1, 100);
    pass();
    EXPECT_EQ(holder_.looks, 0);
    EXPECT_EQ(correlator_.open_failures(), 99U);
}

TEST_F(ReleasedEndsTest, WhereNothingCanBeKnownNothingEnds) {
    holder_.is_unreadable = true;
    fail(1, 1001);
    pass();
    EXPECT_EQ(correlator_.open_failures(), 1000U);
    EXPECT_EQ(holder_.looks, 1) << "not again before as many more have come";
}

/// Its descriptor shows a path.
TEST_F(ReleasedEndsTest, ANamedPipeMayBeHeld) {
    fail(kFifo | 1, kFifo | 1001);
    pass();
    EXPECT_EQ(correlator_.open_failures(), 1000U);
}

TEST_F(ReleasedEndsTest, AStormIsNoMeasureAfterwards) {
    fail(1, 40'001);
    pass();
    pass();
    EXPECT_EQ(correlator_.open_failures(), 0U);
    fail(50'001, 51'001);
    pass();
    pass();
    EXPECT_EQ(correlator_.open_failures(), 0U);
}

}  // namespace
}  // namespace pipetrace
