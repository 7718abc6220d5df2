#include "app/recorded_processes.h"

#include <utility>

namespace pipetrace {

void RecordedProcesses::describe(InvolvedProcess& process, Ktime at) {
    if (!process.identity.known()) return;
    const RecordedProcess* last = nullptr;
    for (const RecordedProcess& read : history_of(process.identity)) {
        if (last == nullptr || read.since <= at) last = &read;
    }
    if (last != nullptr) process.details = last->details;
}

const RecordedProcesses::History& RecordedProcesses::history_of(const ProcessId& process) {
    const auto found = known_.find(process);
    if (found != known_.end()) return found->second;
    if (known_.size() >= kProcessesMax) known_.clear();
    auto history = reader_.process_history(trace_id_, process);
    if (!history && damage_) damage_ = history.error();
    return known_.emplace(process, history ? std::move(*history) : History{}).first->second;
}

}  // namespace pipetrace
