// A control group's path by its id: its inode number in version 2's tree.
#include "source/cgroup_reader.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace pipetrace {
namespace {

std::string mount_point() {
    std::ifstream mounts("/proc/self/mounts");
    for (std::string line; std::getline(mounts, line);) {
        std::istringstream words(line);
        std::string source, point, type;
        if (words >> source >> point >> type && type == "cgroup2") return point;
    }
    return {};
}

class CgroupReaderTest : public ::testing::Test {
protected:
    void SetUp() override {
        group_ = mount_point() + "/pipetrace-test-" + std::to_string(::getpid());
        std::error_code error;
        if (mount_point().empty() || !std::filesystem::create_directory(group_, error)) {
            GTEST_SKIP() << "no writable cgroup2 tree";
        }
        struct stat status {};
        ASSERT_EQ(::stat(group_.c_str(), &status), 0);
        id_ = status.st_ino;
    }
    void TearDown() override { ::rmdir(group_.c_str()); }

    std::string group_;
    std::uint64_t id_ = 0;
};

TEST_F(CgroupReaderTest, NamesAGroupBelowTheMountPoint) {
    EXPECT_EQ(cgroup_path(id_), group_.substr(mount_point().size()));
}

TEST_F(CgroupReaderTest, KnowsNothingOfARemovedGroup) {
    ASSERT_EQ(::rmdir(group_.c_str()), 0);
    EXPECT_EQ(cgroup_path(id_), std::nullopt);
}

TEST(CgroupReader, KnowsNothingOfNoGroup) {
    EXPECT_EQ(cgroup_path(0), std::nullopt);
    EXPECT_EQ(cgroup_path(0x7fff'ffff'ffff'ffff), std::nullopt);
}

}  // namespace
}  // namespace pipetrace
