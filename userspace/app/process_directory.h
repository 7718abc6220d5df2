// Details of the processes that appear in incidents, read while they are still there: a process
// that SIGPIPE kills is gone when its incident is printed.
#pragma once

#include "model/incident.h"
#include "model/process.h"
#include "source/process_reader.h"

#include <cstddef>
#include <deque>
#include <map>

namespace pipetrace {

class ProcessDirectory {
public:
    explicit ProcessDirectory(bool with_cmdline) : with_cmdline_(with_cmdline) {}

    /// Reads the details of a process not met yet.
    void meet(const Task& task);
    /// It runs another program now.
    void executed(const Task& task);

    /// Adds what is known to a process of an incident.
    void describe(InvolvedProcess& process, const ClockOffsets& clocks);

private:
    static constexpr std::size_t kProcessesMax = 4096;

    ProcessReader reader_;
    bool with_cmdline_;
    std::map<ProcessId, ProcessDetails> known_;
    std::deque<ProcessId> oldest_first_;
};

}  // namespace pipetrace
