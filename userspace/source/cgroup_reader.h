// The path of a control group by its id, as a task carries it: also of a process that is gone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace pipetrace {

/// Version 2's path below its mount point ("/system.slice/nginx.service"). Nothing where the group has
/// been removed or may not be looked up, and for the root, in which a version 1 host keeps everything.
std::optional<std::string> cgroup_path(std::uint64_t cgroup_id);

}  // namespace pipetrace
