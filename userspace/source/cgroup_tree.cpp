// A group's id is its directory's inode number (kernfs, 64-bit kernels from 5.5 on).
#include "source/cgroup_tree.h"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <memory>
#include <string_view>
#include <vector>

namespace pipetrace {
namespace {

using std::chrono::nanoseconds;

// Beyond what a host runs; each takes about 100 bytes here.
constexpr std::size_t kGroupsMax = 1U << 16;
constexpr std::chrono::seconds kWalkInterval{1};
constexpr int kShareOfTime = 50;

}  // namespace

std::optional<std::string> CgroupTree::find(std::uint64_t id, Clock::time_point now) {
    if (const auto found = paths_.find(id); found != paths_.end()) {
        struct stat status {};
        const std::string path = mount_point_ + found->second;
        // Removed, perhaps made anew under the same name.
        if (::stat(path.c_str(), &status) == 0 && status.st_ino == id) return found->second;
        paths_.erase(found);
        return std::nullopt;
    }
    if (next_walk_ && now < *next_walk_) return std::nullopt;
    const auto began = Clock::now();
    walk();
    next_walk_ = now + std::max<nanoseconds>(kWalkInterval, kShareOfTime * (Clock::now() - began));
    const auto found = paths_.find(id);
    return found == paths_.end() ? std::nullopt : std::optional(found->second);
}

void CgroupTree::walk() {
    paths_.clear();
    std::vector<std::string> waiting{""};
    while (!waiting.empty() && paths_.size() < kGroupsMax) {
        const std::string parent = std::move(waiting.back());
        waiting.pop_back();
        const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir((mount_point_ + parent + "/").c_str()),
                                                            ::closedir);
        if (!directory) continue;
        while (const dirent* entry = ::readdir(directory.get())) {
            const std::string_view name = entry->d_name;
            if (entry->d_type != DT_DIR || name == "." || name == "..") continue;
            std::string path = parent + "/" + std::string(name);
            paths_.insert_or_assign(entry->d_ino, path);
            waiting.push_back(std::move(path));
        }
    }
}

}  // namespace pipetrace
