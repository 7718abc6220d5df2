#include "app/process_directory.h"

#include "source/cgroup_reader.h"
#include "source/host_reader.h"
#include "source/namespaces.h"

namespace pipetrace {
namespace {

/// By then it is told of.
constexpr std::uint64_t kYoungNs = 60'000'000'000;

/// All that is left of a process that has gone.
std::optional<ProcessDetails> details_of_cgroup(std::uint64_t cgroup_id) {
    ProcessDetails details;
    details.set_cgroup(cgroup_path(cgroup_id));
    if (!details.cgroup) return std::nullopt;
    // Beside version 1 it may have been in a container all the same, and its version 2 group its engine's.
    if (details.unit && !details.container && has_cgroup_version1()) return std::nullopt;
    return details;
}

/// /proc names a group from the reader's cgroup namespace on: only what lies outside of it can be told apart.
void use_path_from_root(ProcessDetails& details, std::uint64_t cgroup_id) {
    static const bool is_from_root = is_in_first(Namespace::kCgroup);
    if (is_from_root) return;
    if (const auto found = details_of_cgroup(cgroup_id)) {
        if (found->container || !details.container) details.set_cgroup(found->cgroup);
        return;
    }
    details.unit.reset();
    details.user_unit.reset();
}

}  // namespace

std::optional<ProcessDetails> ProcessDirectory::read(const Task& task) const {
    auto details = reader_.details(task.process, with_cmdline_);
    if (details) use_path_from_root(*details, task.cgroup_id);
    return details;
}

void ProcessDirectory::meet(const Task& task) {
    if (!task.known() || known_.contains(task.process)) return;
    auto details = read(task);
    if (!details) details = details_of_cgroup(task.cgroup_id);
    // Gone without a trace: it will not come back, and need not be looked for again.
    if (!details && task.cgroup_id != 0) details = ProcessDetails{};
    if (!details) return;
    const Ktime now = read_ktime();
    if (known_.size() >= kProcessesMax) {
        if (oldest_first_.front().at + kYoungNs > now) ++evicted_;
        known_.erase(oldest_first_.front().process);
        oldest_first_.pop_front();
    }
    known_.emplace(task.process, *details);
    oldest_first_.push_back({task.process, now});
}

void ProcessDirectory::executed(const Task& task) {
    const auto found = known_.find(task.process);
    if (found == known_.end()) {
        meet(task);
    } else if (const auto details = read(task)) {
        found->second = *details;
    }
}

void ProcessDirectory::describe(InvolvedProcess& process, Ktime) {
    if (!process.identity.known()) return;
    Task task;
    task.process = process.identity;
    task.cgroup_id = process.cgroup_id;
    meet(task);
    const auto found = known_.find(process.identity);
    if (found != known_.end()) process.details = found->second;
}

}  // namespace pipetrace
