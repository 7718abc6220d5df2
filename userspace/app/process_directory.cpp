#include "app/process_directory.h"

namespace pipetrace {

void ProcessDirectory::meet(const Task& task) {
    if (!task.known() || known_.contains(task.process)) return;
    const auto details = reader_.details(task.process, with_cmdline_);
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

void ProcessDirectory::describe(InvolvedProcess& process, const ClockOffsets& clocks) {
    if (!process.identity.known()) return;
    if (process.identity.start_boottime_ns != 0) {
        process.start_time = clocks.wall_of_boottime(process.identity.start_boottime_ns);
    }
    Task task;
    task.process = process.identity;
    meet(task);
    const auto found = known_.find(process.identity);
    if (found != known_.end()) process.details = found->second;
}

}  // namespace pipetrace
