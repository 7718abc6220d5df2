// What a process runs in, as far as the path of its control group tells: a container, a pod, a systemd unit.
// Container engines, the kubelet and systemd each name the groups they make in a way of their own.
//
// A directory proves no more than that somebody could make it. Root's engines make the upper ones; a user's
// systemd, and a container that may write to its own part of the tree, name what is below theirs as they
// please. So a name counts only in full, with an id of the engine's form, where that engine puts it; what
// lies below a container or a user's manager comes with that one's name (outer_container, unit).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pipetrace {

enum class ContainerRuntime : std::uint8_t { kDocker, kContainerd, kCrio, kPodman, kLxc, kNspawn };

const char* container_runtime_name(ContainerRuntime runtime);

struct Workload {
    std::optional<std::string>
        container;  ///< the innermost: 64 hex digits, or the name that lxc or nspawn gave
    std::optional<ContainerRuntime>
        runtime;  ///< not known where the kubelet's cgroupfs driver names the group
    std::optional<std::string> outer_container;  ///< the outermost, where the container runs in another one
    std::optional<std::string> pod_uid;          ///< as Kubernetes writes it
    std::optional<std::string> unit;             ///< of the host's systemd, the journal's _SYSTEMD_UNIT
    std::optional<std::string> user_unit;        ///< of a user's systemd below it, _SYSTEMD_USER_UNIT

    bool operator==(const Workload&) const = default;
};

/// `path` begins at the root of a hierarchy, or with "/.." at the reader's cgroup namespace: then nothing is
/// said of what may lie above.
Workload workload_of_cgroup(std::string_view path);

/// Of the lines of /proc/PID/cgroup, the path that tells most: one with a container, else version 2's, else
/// systemd's, else the first. On a host with version 1 engines leave version 2's alone, where a container's
/// processes then stay in the group of the engine's own service.
std::optional<std::string> choose_cgroup(std::string_view lines);

/// A container's id as people write it: 12 hex digits of 64, a name in full.
std::string_view short_container_id(std::string_view container);

/// Whether `wanted` names that container: its id, the first 4 or more digits of it, or its name.
bool is_container(std::string_view container, std::string_view wanted);

}  // namespace pipetrace
