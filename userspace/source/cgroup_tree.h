// Control groups by id where nothing may be opened by its id (open_by_handle_at(2) wants CAP_DAC_READ_SEARCH,
// with which every file of the host could be read): found by walking the tree, which everybody may.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

namespace pipetrace {

class CgroupTree {
public:
    using Clock = std::chrono::steady_clock;

    explicit CgroupTree(std::string mount_point) : mount_point_(std::move(mount_point)) {}

    /// Its path below the mount point. A walk of a large host's thousands of groups takes milliseconds: for
    /// one that is not known it takes place after a second at the earliest, and a fiftieth of the time at
    /// most.
    std::optional<std::string> find(std::uint64_t id, Clock::time_point now);

private:
    void walk();

    std::string mount_point_;
    std::unordered_map<std::uint64_t, std::string> paths_;  ///< as of the last walk
    std::optional<Clock::time_point> next_walk_;
};

}  // namespace pipetrace
