#include "app/output_file.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <csignal>
#include <fstream>
#include <iterator>
#include <sys/resource.h>
#include <thread>

#include <fcntl.h>
#include <unistd.h>

namespace pipetrace {
namespace {

using Outcome = OutputFile::Outcome;

class OutputFileTest : public ::testing::Test {
protected:
    void SetUp() override {
        char name[] = "/tmp/pipetrace_output_XXXXXX";
        const char* made = ::mkdtemp(name);
        ASSERT_NE(made, nullptr);
        folder_ = made;
        std::signal(SIGPIPE, SIG_IGN);
        std::signal(SIGXFSZ, SIG_IGN);
    }
    void TearDown() override {
        ::unlink(path().c_str());
        ::rmdir(folder_.c_str());
    }
    std::string path() const { return folder_ + "/incidents.json"; }
    std::string written() const {
        std::ifstream file(path());
        return {std::istreambuf_iterator<char>(file), {}};
    }

    std::string folder_;
};

TEST_F(OutputFileTest, WritesLinesAtOnce) {
    Result<OutputFile> file = OutputFile::create(path());
    ASSERT_TRUE(file);
    EXPECT_EQ(file->write("one\n"), Outcome::kWritten);
    EXPECT_EQ(written(), "one\n") << "nothing waits in a buffer";
    EXPECT_EQ(file->write("two\n"), Outcome::kWritten);
    EXPECT_EQ(file->write(""), Outcome::kWritten);
    EXPECT_EQ(written(), "one\ntwo\n");
}

TEST_F(OutputFileTest, ReplacesAnOlderFile) {
    std::ofstream(path()) << "a longer line of an earlier trace\n";
    Result<OutputFile> file = OutputFile::create(path());
    ASSERT_TRUE(file);
    EXPECT_EQ(file->write("new\n"), Outcome::kWritten);
    EXPECT_EQ(written(), "new\n");
}

TEST_F(OutputFileTest, SaysWhyAFileCannotBeMade) {
    const Result<OutputFile> file = OutputFile::create(folder_ + "/missing/incidents.json");
    ASSERT_FALSE(file);
    EXPECT_NE(file.error().what.find("/missing/incidents.json"), std::string::npos);
    EXPECT_NE(file.error().why, "");
    EXPECT_NE(file.error().remedy, "");
}

TEST_F(OutputFileTest, ReaderThatHasGoneIsAnEndNotAnError) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    ::close(ends[0]);
    OutputFile file(ends[1], "standard output");
    EXPECT_EQ(file.write("line\n"), Outcome::kReaderGone);
    ::close(ends[1]);
}

TEST_F(OutputFileTest, DoesNotOwnADescriptorItWasLent) {
    const int fd = ::open(path().c_str(), O_WRONLY | O_CREAT, 0600);
    ASSERT_GE(fd, 0);
    { const OutputFile file(fd, "lent"); }
    EXPECT_NE(::fcntl(fd, F_GETFD), -1);
    ::close(fd);
}

TEST_F(OutputFileTest, ClosesItsOwnOnceThoughMoved) {
    int fd = -1;
    {
        Result<OutputFile> file = OutputFile::create(path());
        ASSERT_TRUE(file);
        fd = file->fd();
        OutputFile moved(std::move(*file));
        EXPECT_EQ(moved.fd(), fd);
        EXPECT_EQ(moved.write("moved\n"), Outcome::kWritten);
    }
    EXPECT_EQ(::fcntl(fd, F_GETFD), -1);
    EXPECT_EQ(written(), "moved\n");
}

TEST_F(OutputFileTest, FullDiskSaysWhatToDo) {
    const int fd = ::open("/dev/full", O_WRONLY);
    ASSERT_GE(fd, 0);
    OutputFile file(fd, "/dev/full");
    EXPECT_EQ(file.write("line\n"), Outcome::kFailed);
    EXPECT_NE(file.error().what.find("/dev/full"), std::string::npos);
    EXPECT_NE(file.error().remedy.find("space"), std::string::npos);
    ::close(fd);
}

/// A limit on the file's size stands in for a disk that fills up in the middle of a line.
TEST_F(OutputFileTest, HalfALineIsTakenBack) {
    Result<OutputFile> file = OutputFile::create(path());
    ASSERT_TRUE(file);
    ASSERT_EQ(file->write("first line\n"), Outcome::kWritten);
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    rlimit small = before;
    small.rlim_cur = 15;
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    const Outcome outcome = file->write("second line\n");
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    EXPECT_EQ(outcome, Outcome::kFailed);
    EXPECT_EQ(written(), "first line\n");
}

TEST_F(OutputFileTest, OfABatchTheWholePiecesStay) {
    Result<OutputFile> file = OutputFile::create(path());
    ASSERT_TRUE(file);
    ASSERT_EQ(file->write("zero\n"), Outcome::kWritten);
    const std::string batch = "first\nsecond\nthird\n";
    const std::array<std::size_t, 3> ends{6, 13, 19};
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    rlimit small = before;
    small.rlim_cur = 20;
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    const Outcome outcome = file->write(batch, ends);
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    EXPECT_EQ(outcome, Outcome::kFailed);
    EXPECT_EQ(written(), "zero\nfirst\nsecond\n");
    EXPECT_EQ(file->kept(), 13U);
    EXPECT_EQ(file->write("after\n"), Outcome::kWritten);
    EXPECT_EQ(written(), "zero\nfirst\nsecond\nafter\n");
}

/// Somebody else made our pipe non-blocking: a full one is waited for.
TEST_F(OutputFileTest, WaitsForASlowReaderOfANonBlockingPipe) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_NONBLOCK), 0);
    ASSERT_EQ(::fcntl(ends[0], F_SETFL, 0), 0);
    const std::string much(1 << 20, 'x');
    std::size_t received = 0;
    std::thread reader([&] {
        std::string buffer(4096, '\0');
        while (received < much.size()) {
            const ssize_t count = ::read(ends[0], buffer.data(), buffer.size());
            if (count <= 0) break;
            received += static_cast<std::size_t>(count);
        }
    });
    OutputFile file(ends[1], "pipe");
    EXPECT_EQ(file.write(much), Outcome::kWritten);
    ::close(ends[1]);
    reader.join();
    ::close(ends[0]);
    EXPECT_EQ(received, much.size());
}

}  // namespace
}  // namespace pipetrace
