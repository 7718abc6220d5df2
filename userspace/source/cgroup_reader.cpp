#include "source/cgroup_reader.h"

#include "source/cgroup_tree.h"
#include "source/file_reader.h"
#include "source/unique_fd.h"

#include <fcntl.h>
#include <sys/stat.h>
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
constexpr ino_t kHierarchyRoot = 1;

/// A mount of version 2.
struct Mount {
    std::string point;   ///< where we open it
    std::string base;    ///< what the kernel calls that place
    bool whole = false;  ///< its root is the hierarchy's, not a container's part of it
};

/// The first in that mountinfo: "ID PARENT DEV ROOT POINT OPTIONS ... - cgroup2 SOURCE ...".
std::string find_mount_point(const std::string& mountinfo) {
    std::istringstream lines(read_whole_file(mountinfo).value_or(""));
    for (std::string line; std::getline(lines, line);) {
        if (line.find(" - cgroup2 ") == std::string::npos) continue;
        std::istringstream words(line);
        std::string id, parent, device, root, point;
        if (words >> id >> parent >> device >> root >> point) return point;
    }
    return {};
}

UniqueFd open_mount(const std::string& point) {
    return UniqueFd(::open(point.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

std::string path_of(int fd) {
    const std::string link = "/proc/self/fd/" + std::to_string(fd);
    std::array<char, PATH_MAX> target{};
    const ssize_t size = ::readlink(link.c_str(), target.data(), target.size());
    return {target.data(), size > 0 ? static_cast<std::size_t>(size) : 0};
}

std::optional<Mount> look_at(const std::string& root, const std::string& mountinfo) {
    const std::string point = find_mount_point(mountinfo);
    if (point.empty()) return std::nullopt;
    const UniqueFd fd = open_mount(root + point);
    struct stat status {};
    if (!fd || ::fstat(fd.get(), &status) != 0) return std::nullopt;
    return Mount{root + point, path_of(fd.get()), status.st_ino == kHierarchyRoot};
}

/// Our own, or where that shows a container's part of the tree, the host's: init has it, and kthreadd, which
/// began in the same place.
std::optional<Mount> find_mount() {
    auto own = look_at("", "/proc/self/mountinfo");
    if (own && own->whole) return own;
    for (const std::string host : {"/proc/1", "/proc/2"}) {
        auto mount = look_at(host + "/root", host + "/mountinfo");
        if (mount && mount->whole) return mount;
    }
    return own;
}

UniqueFd open_by_id(int mount, std::uint64_t id) {
    alignas(file_handle) std::array<char, sizeof(file_handle) + sizeof(id)> room{};
    auto* handle = reinterpret_cast<file_handle*>(room.data());
    handle->handle_bytes = sizeof(id);
    handle->handle_type = kKernfsHandle;
    std::memcpy(room.data() + sizeof(file_handle), &id, sizeof(id));
    return UniqueFd(::open_by_handle_at(mount, handle, O_PATH | O_CLOEXEC));
}

}  // namespace

std::optional<std::string> cgroup_path(std::uint64_t cgroup_id) {
    static const std::optional<Mount> mount = find_mount();
    if (cgroup_id == 0 || !mount) return std::nullopt;
    const UniqueFd fd = open_mount(mount->point);
    const UniqueFd group = fd ? open_by_id(fd.get(), cgroup_id) : UniqueFd();
    if (!group && mount->whole && (errno == EPERM || errno == ENOSYS)) {
        // Without the right to: as the monitor runs, which has given it up.
        static CgroupTree tree(mount->point);
        return tree.find(cgroup_id, CgroupTree::Clock::now());
    }
    if (!group) return std::nullopt;
    const std::string path = path_of(group.get());
    if (path.ends_with(" (deleted)")) return std::nullopt;
    if (!path.starts_with(mount->base)) {
        // Outside of a container's part, the kernel names it from the hierarchy's root.
        return mount->whole || !path.starts_with('/') ? std::nullopt : std::optional(path);
    }
    const std::string below = path.substr(mount->base.size());
    return mount->whole && below.starts_with('/') ? std::optional(below) : std::nullopt;
}

bool has_cgroup_version1() {
    static const bool found = [] {
        const std::string lines = read_whole_file("/proc/self/cgroup").value_or("");
        return !lines.starts_with("0::") && !lines.empty();
    }();
    return found;
}

}  // namespace pipetrace
