// What is known about processes beyond the records: from /proc while tracing, from the recording in a replay.
#pragma once

#include "model/incident.h"
#include "model/ktime.h"
#include "model/process.h"

namespace pipetrace {

class ProcessLookup {
public:
    virtual ~ProcessLookup() = default;

    /// It failed just now: what it will take with it is read at once.
    virtual void meet(const Task&) {}
    /// It runs another program now.
    virtual void executed(const Task&) {}

    /// Adds what was known at that time to a process of an incident.
    virtual void describe(InvolvedProcess& process, Ktime at) = 0;
};

}  // namespace pipetrace
