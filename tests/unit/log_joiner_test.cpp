// Incidents wait for their program's last words, and go on in the order they came in.
#include "app/log_joiner.h"

#include "source/host_reader.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace pipetrace {
namespace {

namespace fs = std::filesystem;

class Kept final : public IncidentSink {
public:
    void take(const Incident& incident, const BurstStory*, Ktime) override { taken.push_back(incident); }
    void finish() override { is_finished = true; }
    std::uint64_t kept() const override { return taken.size(); }

    std::vector<Incident> taken;
    bool is_finished = false;
};

class LogJoinerTest : public ::testing::Test {
protected:
    LogJoinerTest() {
        std::string pattern = fs::temp_directory_path() / "pipetrace-joiner-XXXXXX";
        directory_ = ::mkdtemp(pattern.data());
        log_ = directory_ / "app.log";
        auto opened = LogFollower::open({log_});
        EXPECT_TRUE(opened);
        follower_ = std::move(*opened);
        joiner_.emplace(kept_, *follower_, [](const Error& error) { ADD_FAILURE() << error.what; });
    }
    ~LogJoinerTest() override { fs::remove_all(directory_); }

    void log(const std::string& line) { std::ofstream(log_, std::ios::app) << line << std::endl; }
    static Incident incident(const std::string& id, Ktime at, std::uint32_t revision = 0) {
        Incident incident;
        incident.id = id;
        incident.at = at;
        incident.revision = revision;
        return incident;
    }
    static std::vector<std::string> texts_of(const Incident& incident) {
        std::vector<std::string> texts;
        if (!incident.log || !incident.log->is_known) return {"unknown"};
        for (const LogLine& line : incident.log->lines) texts.push_back(line.text);
        return texts;
    }

    fs::path directory_;
    fs::path log_;
    std::unique_ptr<LogFollower> follower_;
    Kept kept_;
    std::optional<LogJoiner> joiner_;
};

using Texts = std::vector<std::string>;

TEST_F(LogJoinerTest, ItWaitsForTheSecondAndTakesTheLinesAlong) {
    const Ktime at = read_ktime();
    joiner_->take(incident("one", at), nullptr, at);
    joiner_->advance_to(at + kLogAfterNs - 1);
    EXPECT_TRUE(kept_.taken.empty());
    EXPECT_TRUE(joiner_->is_holding());
    EXPECT_EQ(joiner_->kept(), 1U) << "what is held will be kept: -c counts it";
    log("Broken pipe");
    joiner_->advance_to(at + kLogAfterNs);
    ASSERT_EQ(kept_.taken.size(), 1U);
    EXPECT_EQ(texts_of(kept_.taken[0]), Texts{"Broken pipe"});
    EXPECT_FALSE(joiner_->is_holding());
    EXPECT_EQ(joiner_->kept(), 1U);
}

TEST_F(LogJoinerTest, WhatIsToldLaterStillComesAfterWhatBroughtItAbout) {
    const Ktime at = read_ktime();
    joiner_->take(incident("cause", at + 100), nullptr, at);
    joiner_->take(incident("effect", at), nullptr, at);
    joiner_->advance_to(at + kLogAfterNs + 50);
    EXPECT_TRUE(kept_.taken.empty()) << "the effect is due, and waits for its cause";
    joiner_->advance_to(at + kLogAfterNs + 100);
    ASSERT_EQ(kept_.taken.size(), 2U);
    EXPECT_EQ(kept_.taken[0].id, "cause");
}

TEST_F(LogJoinerTest, ARevisionBearsTheLinesOfTheFirst) {
    const Ktime at = read_ktime();
    log("Broken pipe");
    joiner_->take(incident("one", at), nullptr, at);
    joiner_->advance_to(at + kLogAfterNs);
    log("much later");
    joiner_->take(incident("one", at, 1), nullptr, at + 2 * kLogAfterNs);
    joiner_->take(incident("unheard of", at, 1), nullptr, at + 2 * kLogAfterNs);
    joiner_->advance_to(at + 2 * kLogAfterNs);
    ASSERT_EQ(kept_.taken.size(), 3U);
    EXPECT_EQ(texts_of(kept_.taken[1]), texts_of(kept_.taken[0]));
    EXPECT_EQ(texts_of(kept_.taken[0]), Texts{"Broken pipe"});
    EXPECT_EQ(texts_of(kept_.taken[2]), Texts{"unknown"});
}

TEST_F(LogJoinerTest, WhatHappenedLongAgoHasNoLines) {
    const Ktime now = read_ktime();
    log("of now");
    joiner_->take(incident("old", now - 10 * kLogKeptNs), nullptr, now);
    joiner_->advance_to(now);
    ASSERT_EQ(kept_.taken.size(), 1U) << "it need not wait";
    EXPECT_EQ(texts_of(kept_.taken[0]), Texts{"unknown"});
}

TEST_F(LogJoinerTest, TheEndOfTheTraceTellsWhatIsHeld) {
    const Ktime at = read_ktime();
    joiner_->take(incident("one", at), nullptr, at);
    std::ofstream(log_, std::ios::app) << "last words without an end";
    joiner_->finish();
    ASSERT_EQ(kept_.taken.size(), 1U);
    EXPECT_EQ(texts_of(kept_.taken[0]), Texts{"last words without an end"});
    EXPECT_TRUE(kept_.is_finished);
    EXPECT_LT(read_ktime().ns - at.ns, kLogAfterNs + 1'000'000'000U);
}

TEST_F(LogJoinerTest, AStormIsHeldWithinBoundsAndLosesNothing) {
    constexpr std::size_t kMany = 5000;
    const Ktime at = read_ktime();
    for (std::size_t i = 0; i < kMany; ++i) joiner_->take(incident(std::to_string(i), at + i), nullptr, at);
    EXPECT_GT(kept_.taken.size(), kMany / 2);
    EXPECT_EQ(joiner_->kept(), kMany);
    joiner_->finish();
    ASSERT_EQ(kept_.taken.size(), kMany);
    for (std::size_t i = 0; i < kMany; ++i) ASSERT_EQ(kept_.taken[i].id, std::to_string(i));
}

}  // namespace
}  // namespace pipetrace
