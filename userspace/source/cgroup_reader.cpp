#include "source/cgroup_reader.h"

#include "source/cgroup_tree.h"
#include "source/file_reader.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <sstream>
#include <string_view>

namespace pipetrace {
namespace {

/// FILEID_KERNFS (include/linux/exportfs.h): the handle is the node's 64-bit id, which is the cgroup's.
constexpr int kKernfsHandle = 0xfe;

/// The first mount of version 2: "ID PARENT DEV ROOT POINT OPTIONS ... - cgroup2 SOURCE ...".
std::string find_mount_point() {
    std::istringstream lines(read_whole_file("/proc/self/mountinfo").value_or(""));
    for (std::string line; std::getline(lines, line);) {
        if (line.find(" - cgroup2 ") == std::string::npos) continue;
        std::istringstream words(line);
        std::string id, parent, device, root, point;
        if (words >> id >> parent >> device >> root >> point) return point;
    }
    return {};
}

int open_by_id(int mount, std::uint64_t id) {
    alignas(file_handle) std::array<char, sizeof(file_handle) + sizeof(id)> room{};
    auto* handle = reinterpret_cast<file_handle*>(room.data());
    handle->handle_bytes = sizeof(id);
    handle->handle_type = kKernfsHandle;
    std::memcpy(room.data() + sizeof(file_handle), &id, sizeof(id));
    return ::open_by_handle_at(mount, handle, O_PATH | O_CLOEXEC);
}

}  // namespace

std::optional<std::string> cgroup_path(std::uint64_t cgroup_id) {
    static const std::string mount_point = find_mount_point();
    if (cgroup_id == 0 || mount_point.empty()) return std::nullopt;
    const int mount = ::open(mount_point.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (mount < 0) return std::nullopt;
    const int group = open_by_id(mount, cgroup_id);
    const int why = errno;
    ::close(mount);
    errno = why;
    if (group < 0 && (errno == EPERM || errno == ENOSYS)) {
        // Without the right to: as the monitor runs, which has given it up.
        static CgroupTree tree(mount_point);
        return tree.find(cgroup_id, CgroupTree::Clock::now());
    }
    if (group < 0) return std::nullopt;
    const std::string link = "/proc/self/fd/" + std::to_string(group);
    std::array<char, PATH_MAX> target{};
    const ssize_t size = ::readlink(link.c_str(), target.data(), target.size());
    ::close(group);
    if (size <= 0) return std::nullopt;
    const std::string_view path(target.data(), static_cast<std::size_t>(size));
    if (!path.starts_with(mount_point) || path.ends_with(" (deleted)")) return std::nullopt;
    const std::string_view below = path.substr(mount_point.size());
    return below.starts_with('/') ? std::optional(std::string(below)) : std::nullopt;
}

}  // namespace pipetrace
