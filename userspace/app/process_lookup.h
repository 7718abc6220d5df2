// What is known about processes beyond the records: from /proc while tracing, from the recording in a replay.
#pragma once

#include "model/incident.h"
#include "model/ktime.h"
#include "model/process.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace pipetrace {

class ProcessLookup {
public:
    virtual ~ProcessLookup() = default;

    /// It failed just now: what it will take with it is read at once.
    virtual void meet(const Task&) {}
    /// It runs another program now.
    virtual void executed(const Task&) {}

    /// Of the pipes and sockets that it holds now, sorted; nothing where that cannot be known. A named pipe is not
    /// among them: its descriptor shows its path alone.
    virtual std::optional<std::vector<std::uint64_t>> open_inodes(Tgid) const { return std::nullopt; }

    /// Adds what was known at that time to a process of an incident.
    virtual void describe(InvolvedProcess& process, Ktime at) = 0;

    /// Processes forgotten for want of room while they were young.
    virtual std::uint64_t evicted() const { return 0; }
};

}  // namespace pipetrace
