// The path of a control group by its id, as a task carries it: also of a process that is gone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace pipetrace {

/// Version 2's path from the hierarchy's root on ("/system.slice/nginx.service"), in a cgroup namespace too.
/// Nothing where the group has been removed, where it is in our own part of the tree and no more than that is
/// mounted, and for the root, in which a version 1 host keeps everything. Without CAP_DAC_READ_SEARCH it is
/// looked for in the tree: one made in the last seconds may not be found then, nor one of very many.
std::optional<std::string> cgroup_path(std::uint64_t cgroup_id);

/// Whether version 1's hierarchies are in use: then version 2's path is not all there is to say of a process.
bool has_cgroup_version1();

}  // namespace pipetrace
