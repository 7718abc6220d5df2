// Real files, as programs and logrotate treat them.
#include "source/log_follower.h"

#include "source/host_reader.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace pipetrace {
namespace {

namespace fs = std::filesystem;
using Texts = std::vector<std::string>;

class LogFollowerTest : public ::testing::Test {
protected:
    LogFollowerTest() {
        std::string pattern = fs::temp_directory_path() / "pipetrace-logs-XXXXXX";
        directory_ = ::mkdtemp(pattern.data());
        log_ = directory_ / "app.log";
    }
    ~LogFollowerTest() override { fs::remove_all(directory_); }

    static void append(const fs::path& path, const std::string& text) {
        std::ofstream(path, std::ios::app | std::ios::binary) << text;
    }
    void follow(const std::vector<std::string>& paths) {
        auto opened = LogFollower::open(paths);
        ASSERT_TRUE(opened) << opened.error().what << ": " << opened.error().why;
        follower_ = std::move(*opened);
    }
    void follow() { follow({log_}); }
    std::string refused(const fs::path& path) {
        auto opened = LogFollower::open({path});
        if (opened) return "followed";
        EXPECT_FALSE(opened.error().remedy.empty());
        return opened.error().what + ": " + opened.error().why;
    }

    LogFollower::Sink sink() {
        return {[this](LogLine&& line) { lines_.push_back(std::move(line)); },
                [this](std::uint64_t bytes) { skipped_ += bytes; },
                [this](const Error& error) { troubles_.push_back(error.what + ": " + error.why); }};
    }
    /// As often as it wants to be called, until nothing comes.
    Texts seen() {
        lines_.clear();
        for (int idle = 0; idle < 2;) {
            const std::size_t before = lines_.size();
            follower_->look(sink());
            const bool is_resting = follower_->fd() < 0;
            if (is_resting) ::usleep(static_cast<useconds_t>(follower_->pause().count() * 1000));
            idle = lines_.size() == before && !is_resting ? idle + 1 : 0;
        }
        return texts();
    }
    Texts finished() {
        lines_.clear();
        follower_->finish(sink());
        return texts();
    }
    Texts texts() const {
        Texts texts;
        for (const LogLine& line : lines_) texts.push_back(line.text);
        return texts;
    }

    fs::path directory_;
    fs::path log_;
    std::unique_ptr<LogFollower> follower_;
    std::vector<LogLine> lines_;
    std::uint64_t skipped_ = 0;
    Texts troubles_;
};

TEST_F(LogFollowerTest, ReadsWhatIsAddedAndNothingFromBefore) {
    append(log_, "old\nhalf of an old ");
    follow();
    EXPECT_EQ(seen(), Texts{});
    const Ktime before = read_ktime();
    append(log_, "line\nnew\n\nnewer\r\n");
    EXPECT_EQ(seen(), (Texts{"new", "newer"}));
    EXPECT_EQ(lines_.at(0).file, log_);
    EXPECT_GE(lines_.at(0).at, before);
    EXPECT_LE(lines_.at(0).at, read_ktime());
}

TEST_F(LogFollowerTest, ALineInPiecesIsOneAndOneWithoutAnEndComesLast) {
    follow();
    append(log_, "broken ");
    EXPECT_EQ(seen(), Texts{});
    append(log_, "pipe\nno en");
    EXPECT_EQ(seen(), Texts{"broken pipe"});
    append(log_, "d");
    EXPECT_EQ(finished(), Texts{"no end"});
}

TEST_F(LogFollowerTest, WaitsForAFileThatIsNotThereYet) {
    follow();
    EXPECT_EQ(follower_->awaited(), Texts{log_});
    EXPECT_EQ(seen(), Texts{});
    append(log_, "first\n");
    EXPECT_EQ(seen(), Texts{"first"});
    EXPECT_TRUE(follower_->awaited().empty());
    append(log_, "second\n");
    EXPECT_EQ(seen(), Texts{"second"});
}

TEST_F(LogFollowerTest, RotationByRenameLosesNothingOfEither) {
    append(log_, "old\n");
    follow();
    std::ofstream program(log_, std::ios::app);
    program << "before" << std::endl;
    fs::rename(log_, directory_ / "app.log.1");
    program << "still to the renamed one" << std::endl;
    append(log_, "to the new one\n");
    EXPECT_EQ(seen(), (Texts{"before", "still to the renamed one", "to the new one"}));
    program << "and again" << std::endl;
    append(log_, "new again\n");
    EXPECT_EQ(seen(), (Texts{"and again", "new again"}));
    fs::rename(log_, directory_ / "app.log.2");
    append(log_, "the third\n");
    EXPECT_EQ(seen(), Texts{"the third"});
}

TEST_F(LogFollowerTest, RotationByCopyAndTruncation) {
    append(log_, "a line from before the trace, longer than what comes\n");
    follow();
    append(log_, "one\n");
    EXPECT_EQ(seen(), Texts{"one"});
    fs::copy_file(log_, directory_ / "app.log.1");
    fs::resize_file(log_, 0);
    append(log_, "two\n");
    EXPECT_EQ(seen(), Texts{"two"});
    // It has outgrown the place that was read up to, all between two looks.
    fs::resize_file(log_, 0);
    append(log_, "three is longer than two\n");
    EXPECT_EQ(seen(), Texts{"three is longer than two"});
}

TEST_F(LogFollowerTest, AHoleBeforeALineIsNotOfIt) {
    append(log_, "12345678\n");
    follow();
    fs::resize_file(log_, 0);
    EXPECT_EQ(seen(), Texts{});
    fs::resize_file(log_, 9);
    append(log_, "after the hole\n");
    EXPECT_EQ(seen(), Texts{"after the hole"});
}

TEST_F(LogFollowerTest, AnOlderFileMovedHereIsReadFromItsEndOn) {
    append(directory_ / "older", "from before\n");
    ::usleep(50'000);  // its time of birth must be told from the trace's beginning
    follow();
    fs::rename(directory_ / "older", log_);
    EXPECT_EQ(seen(), Texts{});
    append(log_, "new\n");
    EXPECT_EQ(seen(), Texts{"new"});
}

TEST_F(LogFollowerTest, LinksAreFollowedAndMayBeLedElsewhere) {
    append(directory_ / "a", "old\n");
    fs::create_symlink(directory_ / "a", log_);
    follow();
    append(directory_ / "a", "to a\n");
    EXPECT_EQ(seen(), Texts{"to a"});
    append(directory_ / "b", "to b\n");
    fs::create_symlink(directory_ / "b", directory_ / "new");
    fs::rename(directory_ / "new", log_);
    EXPECT_EQ(seen(), Texts{"to b"});
    EXPECT_EQ(lines_.at(0).file, log_) << "as the user named it";
}

TEST_F(LogFollowerTest, ADirectoryMadeAnewIsFoundWithinASecondAndCalledLate) {
    const fs::path inner = directory_ / "inner";
    fs::create_directory(inner);
    append(inner / "app.log", "old\n");
    follow({inner / "app.log"});
    EXPECT_EQ(seen(), Texts{});
    fs::remove_all(inner);
    EXPECT_EQ(seen(), Texts{});
    fs::create_directory(inner);
    append(inner / "app.log", "new\n");
    ::usleep(1'100'000);
    EXPECT_EQ(seen(), Texts{"new"});
    EXPECT_GT(lines_.at(0).late_ns, 500'000'000U);
}

TEST_F(LogFollowerTest, WhoDoesNotLookIsLate) {
    follow();
    append(log_, "early\n");
    ::usleep(100'000);
    append(log_, "later\n");
    ASSERT_EQ(seen(), (Texts{"early", "later"}));
    EXPECT_GE(lines_.at(0).late_ns, 100'000'000U);
    follower_->note_sleep();
    ::usleep(300'000);
    const Ktime before = read_ktime();
    append(log_, "in time\n");
    ASSERT_EQ(seen(), Texts{"in time"});
    // On a busy machine the test itself is late; but who sleeps until it is told is not late by its sleep.
    constexpr std::uint64_t kTickNs = 10'000'000;
    EXPECT_LE(lines_.at(0).late_ns, read_ktime().ns - before.ns + kTickNs);
}

TEST_F(LogFollowerTest, WhatWasReadBeforeBoundsHowLateALineIs) {
    append(log_, "old\n");
    follow();
    EXPECT_EQ(seen(), Texts{});
    const Ktime before = read_ktime();
    append(log_, "new\n");
    const timespec long_ago[2]{{1, 0}, {1, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, log_.c_str(), long_ago, 0), 0);
    ASSERT_EQ(seen(), Texts{"new"});
    constexpr std::uint64_t kLookedMsAgoMax = 100;
    EXPECT_LE(lines_.at(0).late_ns, read_ktime().ns - before.ns + kLookedMsAgoMax * 1'000'000);
}

TEST_F(LogFollowerTest, AHugeLineIsCutAndBytesAreKeptAsTheyAre) {
    follow();
    append(log_, std::string("\xff\x00\x1b[2J\n", 7) + std::string(300'000, 'x') + "\nnext\n");
    ASSERT_EQ(seen(), (Texts{std::string("\xff\x00\x1b[2J", 6), std::string(kLogLineBytesMax, 'x'), "next"}));
    EXPECT_FALSE(lines_.at(0).is_cut);
    EXPECT_TRUE(lines_.at(1).is_cut);
    std::string letters;
    for (int i = 0; i < 1000; ++i) letters += "\u20ac";
    append(log_, letters + "\n");
    ASSERT_EQ(seen().size(), 1U);
    EXPECT_EQ(lines_.at(0).text.size() % 3, 0U) << "no letter is cut in two";
}

TEST_F(LogFollowerTest, ManyLinesAtOnceComeAllInOrder) {
    follow();
    std::string text;
    for (int i = 0; i < 50'000; ++i) text += std::to_string(i) + "\n";
    append(log_, text);
    const Texts all = seen();
    ASSERT_EQ(all.size(), 50'000U);
    for (std::size_t i = 0; i < all.size(); ++i) ASSERT_EQ(all[i], std::to_string(i));
    EXPECT_EQ(skipped_, 0U);
}

TEST_F(LogFollowerTest, OfAFloodTheNewestIsReadAndTheRestCounted) {
    follow();
    const std::string line(99, 'x');
    std::string text;
    for (int i = 0; i < 100'000; ++i) text += line + "\n";
    append(log_, text + "the last\n");
    const Texts all = seen();
    ASSERT_FALSE(all.empty());
    EXPECT_EQ(all.back(), "the last");
    EXPECT_EQ(all.front(), line) << "whole lines only";
    EXPECT_GT(skipped_, 9'000'000U);
    EXPECT_LE(skipped_ + all.size() * 100, text.size() + 100);
}

TEST_F(LogFollowerTest, OneFileNamedTwiceIsOne) {
    append(log_, "old\n");
    fs::create_symlink(log_, directory_ / "link");
    follow({log_, log_, directory_ / "link"});
    append(log_, "new\n");
    EXPECT_EQ(seen(), Texts{"new"});
}

TEST_F(LogFollowerTest, WhatIsNoLogIsRefused) {
    EXPECT_NE(refused(directory_).find("no regular file"), std::string::npos);
    ASSERT_EQ(::mkfifo((directory_ / "fifo").c_str(), 0600), 0);
    EXPECT_NE(refused(directory_ / "fifo").find("no regular file"), std::string::npos);
    EXPECT_NE(refused("/dev/null").find("no regular file"), std::string::npos);
    EXPECT_NE(refused(directory_ / "missing" / "app.log").find("no directory"), std::string::npos);
    fs::create_symlink(log_, directory_ / "loop");
    fs::create_symlink(directory_ / "loop", log_);
    EXPECT_NE(refused(log_).find("symbolic links"), std::string::npos);
}

TEST_F(LogFollowerTest, TheOutputIsNoLog) {
    append(log_, "");
    struct stat status {};
    ASSERT_EQ(::stat(log_.c_str(), &status), 0);
    fs::create_symlink(log_, directory_ / "link");
    EXPECT_FALSE(LogFollower::check_output({directory_ / "link"}, file_id(status)));
    EXPECT_TRUE(LogFollower::check_output({directory_ / "other"}, file_id(status)));
}

TEST_F(LogFollowerTest, AFileThatBecomesAFifoIsToldOnceAndTheOthersGoOn) {
    append(log_, "");
    append(directory_ / "other.log", "");
    follow({log_, directory_ / "other.log"});
    fs::remove(log_);
    ASSERT_EQ(::mkfifo(log_.c_str(), 0600), 0);
    append(directory_ / "other.log", "goes on\n");
    EXPECT_EQ(seen(), Texts{"goes on"});
    ::usleep(1'100'000);
    EXPECT_EQ(seen(), Texts{});
    EXPECT_EQ(troubles_.size(), 1U);
}

}  // namespace
}  // namespace pipetrace
