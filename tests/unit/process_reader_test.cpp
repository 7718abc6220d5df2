// What is read of processes, from this process and from a made-up /proc.
#include "source/process_reader.h"

#include "source/host_reader.h"
#include "source/syscall_table.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>

namespace pipetrace {
namespace {

constexpr const char* kContainer = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

class ProcessReaderTest : public ::testing::Test {
protected:
    void SetUp() override {
        root_ = ::testing::TempDir() + "/proc." + std::to_string(::getpid()) + "." +
                ::testing::UnitTest::GetInstance()->current_test_info()->name();
        std::filesystem::create_directories(root_);
    }
    void TearDown() override { std::filesystem::remove_all(root_); }

    void write(const std::string& path, const std::string& content) const {
        std::filesystem::create_directories(std::filesystem::path(root_ + "/" + path).parent_path());
        std::ofstream(root_ + "/" + path, std::ios::binary) << content;
    }
    /// The start time is field 22: 19 fields after the state.
    void add_process(int id, int parent, const std::string& comm, int start_ticks) const {
        std::string stat = std::to_string(id) + " (" + comm + ") S " + std::to_string(parent);
        for (int field = 5; field < 22; ++field) stat += " 0";
        write(std::to_string(id) + "/stat", stat + " " + std::to_string(start_ticks) + " 0 0\n");
        write(std::to_string(id) + "/comm", comm + "\n");
    }

    std::string root_;
};

TEST_F(ProcessReaderTest, DescribesAProcessWhoseStartMatches) {
    add_process(77, 1, "odd) (name", 500);
    write("77/cgroup", std::string("0::/system.slice/docker-") + kContainer + ".scope\n");
    write("77/cmdline", std::string("server\0--port\0"
                                    "80\0",
                                    17));
    const ProcessReader reader(root_);
    const auto details = reader.details({77, 5'003'000'000}, true);
    ASSERT_TRUE(details);
    EXPECT_EQ(details->container, kContainer);
    EXPECT_EQ(details->cgroup, std::string("/system.slice/docker-") + kContainer + ".scope");
    ASSERT_TRUE(details->cmdline);
    EXPECT_EQ(*details->cmdline, (std::vector<std::string>{"server", "--port", "80"}));
    EXPECT_FALSE(details->exe);
    EXPECT_FALSE(reader.details({77, 5'003'000'000}, false)->cmdline);
}

TEST_F(ProcessReaderTest, ReusedIdIsNotDescribed) {
    add_process(77, 1, "other", 501);
    EXPECT_FALSE(ProcessReader(root_).details({77, 5'003'000'000}, false));
    EXPECT_FALSE(ProcessReader(root_).details({78, 5'003'000'000}, false));
    EXPECT_FALSE(ProcessReader(root_).details({}, false));
}

TEST_F(ProcessReaderTest, FindsChildrenOfChildren) {
    add_process(10, 1, "a", 1);
    add_process(11, 10, "b", 1);
    add_process(12, 11, "c", 1);
    add_process(13, 1, "d", 1);
    auto found = ProcessReader(root_).descendants(10);
    std::sort(found.begin(), found.end());
    EXPECT_EQ(found, (std::vector<Tgid>{11, 12}));
    EXPECT_TRUE(ProcessReader(root_).descendants(13).empty());
}

TEST_F(ProcessReaderTest, SystemdsCgroupStandsInForVersion2) {
    add_process(77, 1, "x", 500);
    write("77/cgroup", "5:memory:/m\n1:name=systemd:/user.slice\n0::/\n");
    EXPECT_EQ(ProcessReader(root_).details({77, 5'000'000'000}, false)->cgroup, "/user.slice");
}

TEST(ProcessReaderSelfTest, KnowsItself) {
    const ProcessReader reader;
    const auto self = static_cast<Tgid>(::getpid());
    EXPECT_EQ(reader.process_of(self), self);
    EXPECT_TRUE(reader.comm(self).has_value());
    EXPECT_EQ(reader.process_of(0), std::nullopt);
}

TEST(ProcessReaderSelfTest, KnowsWhichPipesAndSocketsAreOpen) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
    struct stat status {};
    ASSERT_EQ(::fstat(ends[0], &status), 0);
    const ProcessReader reader;
    const auto self = static_cast<Tgid>(::getpid());
    auto held = reader.open_inodes(self);
    ASSERT_TRUE(held.has_value());
    EXPECT_TRUE(std::binary_search(held->begin(), held->end(), status.st_ino));
    ::close(ends[0]);
    held = reader.open_inodes(self);
    ASSERT_TRUE(held.has_value());
    EXPECT_FALSE(std::binary_search(held->begin(), held->end(), status.st_ino));
    ::close(ends[1]);
    EXPECT_FALSE(reader.open_inodes(0).has_value());
}

TEST(HostReaderTest, ClocksAndNamesAreThere) {
    const auto host = read_host_identity();
    EXPECT_FALSE(host.name.empty());
    EXPECT_EQ(host.boot_id.size(), 36U);
    const auto clocks = read_clock_offsets();
    // 2020: any later wall clock is plausible, an offset of zero is not.
    EXPECT_GT(clocks.wall(read_ktime()).ns, 1'577'836'800'000'000'000);
    EXPECT_LE(clocks.wall_minus_boottime_ns, clocks.wall_minus_ktime_ns + 1'000'000);
}

TEST(SyscallTableTest, NamesAndShapes) {
    EXPECT_STREQ(syscall_names().find(SYS_sendto), "sendto");
    EXPECT_STREQ(syscall_names().find(SYS_exit_group), "exit_group");
    EXPECT_EQ(syscall_names().find(511), nullptr);
    for (const auto& entry : syscall_table()) {
        EXPECT_STREQ(syscall_names().find(entry.number), entry.name);
        if (entry.number == SYS_splice) {
            EXPECT_EQ(entry.shape.fd_argument, 3);
            EXPECT_EQ(entry.shape.bytes_argument, 5);
        }
    }
}

}  // namespace
}  // namespace pipetrace
