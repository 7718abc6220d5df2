#include "app/process_directory.h"

#include "source/cgroup_reader.h"

namespace pipetrace {
namespace {

/// All that is left of a process that has gone.
std::optional<ProcessDetails> details_of_cgroup(std::uint64_t cgroup_id) {
    ProcessDetails details;
    details.cgroup = cgroup_path(cgroup_id);
    if (!details.cgroup) return std::nullopt;
    details.container = container_of_cgroup(*details.cgroup);
    return details;
}

}  // namespace

void ProcessDirectory::meet(const Task& task) {
    if (!task.known() || known_.contains(task.process)) return;
    auto details = reader_.details(task.process, with_cmdline_);
    if (!details) details = details_of_cgroup(task.cgroup_id);
    // Gone without a trace: it will not come back, and need not be looked for again.
    if (!details && task.cgroup_id != 0) details = ProcessDetails{};
    if (!details) return;
    if (known_.size() >= kProcessesMax) {
        known_.erase(oldest_first_.front());
        oldest_first_.pop_front();
    }
    known_.emplace(task.process, *details);
    oldest_first_.push_back(task.process);
}

void ProcessDirectory::executed(const Task& task) {
    const auto found = known_.find(task.process);
    if (found == known_.end()) {
        meet(task);
    } else if (const auto details = reader_.details(task.process, with_cmdline_)) {
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
