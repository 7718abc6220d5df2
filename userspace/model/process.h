// Who: the task that a record was stamped with, and the process a person reads about.
#pragma once

#include "model/workload.h"

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pipetrace {

using Tgid = std::uint32_t;
using Tid = std::uint32_t;

/// TASK_COMM_LEN bytes; not necessarily terminated, not necessarily UTF-8.
struct Comm {
    std::array<char, 16> bytes{};

    std::string_view view() const { return {bytes.data(), ::strnlen(bytes.data(), bytes.size())}; }
    bool empty() const { return bytes[0] == '\0'; }
    bool operator==(const Comm&) const = default;
};

/// Thread group ids recur; the leader's start time (boottime ns) makes them unique.
struct ProcessId {
    Tgid tgid = 0;
    std::uint64_t start_boottime_ns = 0;

    bool known() const { return tgid != 0; }
    auto operator<=>(const ProcessId&) const = default;
};

/// One thread at the moment of a record. tgid 0: nobody can be named (softirq).
struct Task {
    ProcessId process;
    Tid tid = 0;
    Tgid parent_tgid = 0;
    std::uint32_t uid = 0;
    Tgid namespace_tgid = 0;  ///< tgid in its own pid namespace
    std::uint64_t cgroup_id = 0;
    Comm process_comm;
    Comm thread_comm;

    bool known() const { return process.known(); }

    bool operator==(const Task&) const = default;
};

/// What is told about a process. Everything but the task is looked up outside the
/// kernel programs and may be missing when the process had gone by then.
struct ProcessDetails : Workload {
    std::optional<std::string> exe;
    std::optional<std::string> cgroup;                ///< set with set_cgroup(), that the workload is its
    std::optional<std::vector<std::string>> cmdline;  ///< only where the user asked for it

    void set_cgroup(std::optional<std::string> path) {
        cgroup = std::move(path);
        static_cast<Workload&>(*this) = cgroup ? workload_of_cgroup(*cgroup) : Workload{};
    }

    bool operator==(const ProcessDetails&) const = default;
};

}  // namespace pipetrace
