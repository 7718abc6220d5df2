// Any tree of directories will do: a group's id is an inode number.
#include "source/cgroup_tree.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>

namespace pipetrace {
namespace {

using std::chrono::milliseconds;

class CgroupTreeTest : public ::testing::Test {
protected:
    void SetUp() override {
        char name[] = "/tmp/pipetrace_tree_XXXXXX";
        ASSERT_NE(::mkdtemp(name), nullptr);
        root_ = name;
    }
    void TearDown() override { std::filesystem::remove_all(root_); }

    std::uint64_t make(const std::string& path) const {
        std::filesystem::create_directories(root_ + path);
        struct stat status {};
        EXPECT_EQ(::stat((root_ + path).c_str(), &status), 0);
        return status.st_ino;
    }

    std::string root_;
    const CgroupTree::Clock::time_point start_ = CgroupTree::Clock::now();
};

TEST_F(CgroupTreeTest, FindsGroupsAtEveryDepth) {
    const std::uint64_t slice = make("/system.slice");
    const std::uint64_t service = make("/system.slice/a b.service/deep");
    CgroupTree tree(root_);
    EXPECT_EQ(tree.find(slice, start_), "/system.slice");
    EXPECT_EQ(tree.find(service, start_), "/system.slice/a b.service/deep");
}

TEST_F(CgroupTreeTest, LooksAgainAfterASecondAtTheEarliest) {
    CgroupTree tree(root_);
    EXPECT_EQ(tree.find(1, start_), std::nullopt);
    const std::uint64_t late = make("/late");
    EXPECT_EQ(tree.find(late, start_ + milliseconds(999)), std::nullopt);
    EXPECT_EQ(tree.find(late, start_ + milliseconds(2000)), "/late");
}

TEST_F(CgroupTreeTest, KnowsNothingOfARemovedGroup) {
    const std::uint64_t gone = make("/gone");
    CgroupTree tree(root_);
    EXPECT_EQ(tree.find(gone, start_), "/gone");
    std::filesystem::remove(root_ + "/gone");
    EXPECT_EQ(tree.find(gone, start_), std::nullopt);
}

TEST_F(CgroupTreeTest, SurvivesATreeThatIsNotThere) {
    CgroupTree tree("/no/such/tree");
    EXPECT_EQ(tree.find(1, start_), std::nullopt);
}

}  // namespace
}  // namespace pipetrace
