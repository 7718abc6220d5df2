#include "app/line_file.h"

#include "app/appended_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace pipetrace {
namespace {

using Outcome = Receiver::Outcome;

class LineFileTest : public ::testing::Test {
protected:
    void SetUp() override {
        char name[] = "/tmp/pipetrace_lines_XXXXXX";
        const char* made = ::mkdtemp(name);
        ASSERT_NE(made, nullptr);
        folder_ = made;
        std::signal(SIGXFSZ, SIG_IGN);
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    std::string path() const { return folder_ + "/lines.json"; }
    static std::string content(const std::string& path) {
        std::ifstream file(path);
        return {std::istreambuf_iterator<char>(file), {}};
    }
    std::string written() const { return content(path()); }
    std::unique_ptr<LineFile> open(std::uint64_t size_bytes_max = 1000) const {
        auto file = LineFile::open(path(), size_bytes_max);
        EXPECT_TRUE(file);
        return file ? std::move(*file) : nullptr;
    }
    static Outcome write(LineFile& file, const std::string& line) {
        Parcel parcel{line, {line.size()}, 1};
        return file.deliver(parcel);
    }

    void open_folder_to_all() const { ASSERT_EQ(::chmod(folder_.c_str(), 01777), 0); }
    static void give_to_somebody(const std::string& file) {
        ASSERT_EQ(::lchown(file.c_str(), kSomebody, kSomebody), 0);
    }
    /// Why it is not opened.
    std::string refusal() const {
        const auto file = LineFile::open(path(), 1000);
        return file ? "it was opened" : file.error().why;
    }

    static constexpr uid_t kSomebody = 65534;
    std::string folder_;
};

TEST_F(LineFileTest, IsPrivateAndAppendedTo) {
    const mode_t before = ::umask(0);
    ASSERT_EQ(write(*open(), "one\n"), Outcome::kTaken);
    ::umask(before);
    struct stat status {};
    ASSERT_EQ(::stat(path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0600U);
    ASSERT_EQ(write(*open(), "two\n"), Outcome::kTaken);
    EXPECT_EQ(written(), "one\ntwo\n");
}

TEST_F(LineFileTest, LeavesTheModeOfAFileThatIsThere) {
    std::ofstream(path()) << "";
    ASSERT_EQ(::chmod(path().c_str(), 0640), 0);
    ASSERT_EQ(write(*open(), "one\n"), Outcome::kTaken);
    struct stat status {};
    ASSERT_EQ(::stat(path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0640U);
}

TEST_F(LineFileTest, EndsALineThatWasCutOff) {
    std::ofstream(path()) << "one\n{\"half";
    ASSERT_EQ(write(*open(), "two\n"), Outcome::kTaken);
    EXPECT_EQ(written(), "one\n{\"half\ntwo\n");
}

TEST_F(LineFileTest, GoesOnUnderItsNameWhenItWasMovedOrRemoved) {
    const auto file = open();
    ASSERT_EQ(write(*file, "one\n"), Outcome::kTaken);
    std::filesystem::rename(path(), path() + ".old");
    ASSERT_EQ(write(*file, "two\n"), Outcome::kTaken);
    EXPECT_EQ(content(path() + ".old"), "one\n");
    EXPECT_EQ(written(), "two\n");
    std::filesystem::remove(path());
    ASSERT_EQ(write(*file, "three\n"), Outcome::kTaken);
    EXPECT_EQ(written(), "three\n");
}

TEST_F(LineFileTest, LeavesNoHoleWhereItWasEmptied) {
    const auto file = open();
    ASSERT_EQ(write(*file, "one\n"), Outcome::kTaken);
    ASSERT_EQ(::truncate(path().c_str(), 0), 0);
    ASSERT_EQ(write(*file, "two\n"), Outcome::kTaken);
    EXPECT_EQ(written(), "two\n");
}

TEST_F(LineFileTest, KeepsWithinTwiceItsSize) {
    const auto file = open(10);
    for (const char* line : {"one..\n", "two.\n", "three.\n", "four\n"}) {
        ASSERT_EQ(write(*file, line), Outcome::kTaken);
        EXPECT_LE(written().size(), 10U);
    }
    EXPECT_EQ(written(), "four\n");
    EXPECT_EQ(content(path() + ".1"), "three.\n");
    EXPECT_FALSE(std::filesystem::exists(path() + ".2"));
}

TEST_F(LineFileTest, TakesALineLargerThanItsSizeWhole) {
    const auto file = open(4);
    ASSERT_EQ(write(*file, "longer than four\n"), Outcome::kTaken);
    EXPECT_EQ(written(), "longer than four\n");
}

TEST_F(LineFileTest, KeepsWholeLinesAloneWhereTheDiskIsFull) {
    const auto file = open();
    ASSERT_EQ(write(*file, "one\n"), Outcome::kTaken);
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    const rlimit small{16, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    Parcel parcel{"two\nthree\nfour\n", {4, 10, 15}, 3};
    EXPECT_EQ(file->deliver(parcel), Outcome::kLater);
    EXPECT_EQ(written(), "one\ntwo\nthree\n");
    EXPECT_EQ(parcel.text, "four\n") << "what is left to be written";
    EXPECT_EQ(parcel.ends, (std::vector<std::size_t>{5}));
    EXPECT_EQ(parcel.entries, 1U);
    EXPECT_EQ(file->deliver(parcel), Outcome::kLater);
    EXPECT_EQ(file->trouble().why, "File too large");
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    EXPECT_EQ(file->deliver(parcel), Outcome::kTaken);
    EXPECT_EQ(written(), "one\ntwo\nthree\nfour\n");
}

TEST_F(LineFileTest, WaitsForAFolderThatIsGone) {
    const auto file = open();
    std::filesystem::remove_all(folder_);
    EXPECT_EQ(write(*file, "one\n"), Outcome::kLater);
    EXPECT_EQ(file->trouble().what, "cannot write to " + path());
    std::filesystem::create_directory(folder_);
    EXPECT_EQ(write(*file, "one\n"), Outcome::kTaken);
    EXPECT_EQ(written(), "one\n");
}

TEST_F(LineFileTest, RefusesAPlaceThatItCannotWriteTo) {
    const auto refused = LineFile::open(folder_ + "/no/lines.json", 1000);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().why, "No such file or directory");
    ASSERT_EQ(::mkfifo((folder_ + "/fifo").c_str(), 0600), 0);
    const auto unread = LineFile::open(folder_ + "/fifo", 1000);
    ASSERT_FALSE(unread);
    EXPECT_EQ(unread.error().remedy, "Nobody reads this pipe: start its reader first.");
}

TEST_F(LineFileTest, TakesNothingOfAnotherUsersInASharedFolder) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root gives files away";
    open_folder_to_all();
    std::ofstream(path()) << "";
    give_to_somebody(path());
    EXPECT_NE(refusal().find("the file belongs to the user 65534"), std::string::npos) << refusal();
    EXPECT_EQ(written(), "");

    const std::string target = folder_ + "/target";
    std::filesystem::remove(path());
    std::filesystem::create_symlink(target, path());
    give_to_somebody(path());
    EXPECT_NE(refusal().find("the link belongs to the user 65534"), std::string::npos) << refusal();
    EXPECT_FALSE(std::filesystem::exists(target)) << "it was followed";

    std::filesystem::remove(path());
    std::ofstream(target) << "";
    std::filesystem::create_hard_link(target, path());
    EXPECT_NE(refusal().find("another name"), std::string::npos) << refusal();
}

TEST_F(LineFileTest, TakesWhatIsItsOwnInASharedFolder) {
    open_folder_to_all();
    ASSERT_EQ(write(*open(), "one\n"), Outcome::kTaken);
    ASSERT_EQ(write(*open(), "two\n"), Outcome::kTaken);
    EXPECT_EQ(written(), "one\ntwo\n");
    std::filesystem::rename(path(), folder_ + "/target");
    std::filesystem::create_symlink("target", path());
    ASSERT_EQ(write(*open(), "three\n"), Outcome::kTaken);
    EXPECT_EQ(content(folder_ + "/target"), "one\ntwo\nthree\n");
}

TEST_F(LineFileTest, TakesAnotherUsersFileWhereOnlyTheOwnerOfTheFolderPutsOne) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root gives files away";
    std::ofstream(path()) << "";
    give_to_somebody(path());
    ASSERT_EQ(write(*open(), "one\n"), Outcome::kTaken);
    EXPECT_EQ(written(), "one\n");
}

TEST_F(LineFileTest, LooksAgainWhenItIsOpenedAgain) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root gives files away";
    open_folder_to_all();
    const auto file = open();
    ASSERT_EQ(write(*file, "one\n"), Outcome::kTaken);
    std::filesystem::rename(path(), path() + ".old");
    std::ofstream(path()) << "";
    give_to_somebody(path());
    EXPECT_EQ(write(*file, "two\n"), Outcome::kLater);
    EXPECT_NE(file->trouble().why.find("belongs to the user 65534"), std::string::npos);
    EXPECT_EQ(written(), "");
    std::filesystem::remove(path());
    EXPECT_EQ(write(*file, "two\n"), Outcome::kTaken);
    EXPECT_EQ(written(), "two\n");
}

TEST_F(LineFileTest, KnowsWhetherItCanBeOpenedAgain) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root becomes somebody";
    const auto problem_of_somebody = [](const std::string& file) -> std::string {
        EXPECT_EQ(::seteuid(kSomebody), 0);
        const Status again = can_be_opened_again(file);
        EXPECT_EQ(::seteuid(0), 0);
        return again ? "" : again.error().why;
    };
    open_folder_to_all();
    EXPECT_EQ(problem_of_somebody(path()), "");
    ASSERT_EQ(::chmod(folder_.c_str(), 0755), 0);
    EXPECT_EQ(problem_of_somebody(path()),
              "its folder " + folder_ + " belongs to the user 0, and the user 65534 may not write to it");
    std::ofstream(path()) << "";
    EXPECT_EQ(problem_of_somebody(path()),
              "the file belongs to the user 0, and the user 65534 may not write to it");
    EXPECT_EQ(problem_of_somebody("/dev/null"), "") << "nobody rotates it";
    EXPECT_TRUE(can_be_opened_again(path()));
}

}  // namespace
}  // namespace pipetrace
