// A failure under observation: what one process has been told about one endpoint so far.
#pragma once

#include "correlate/connection_table.h"
#include "correlate/told_errors.h"
#include "model/event.h"

#include <optional>
#include <string>
#include <vector>

namespace pipetrace {

/// A kind of failed call: repeats raise `count`.
struct FailedCall {
    Ktime at;
    Task task;
    CallFailed body;
    std::uint64_t count = 1;
    bool inferred = false;
    const char* syscall = nullptr;  ///< where it is known without a number (getsockopt)
    std::uint64_t counted = 1;      ///< of `count`, by the kernel programs; one of these was a record too
};

struct RaisedSigpipe {
    Ktime at;
    Task task;
    SigpipeGenerated body;
    std::uint64_t count = 1;
    std::optional<Stamped<SigpipeDelivered>> delivered;
    std::uint64_t counted = 1;
};

/// Bounds what a hostile program can make us keep: further kinds raise the last one's count.
inline constexpr std::size_t kCallKindsMax = 32;

struct Failure {
    Endpoint endpoint;
    Task task;
    Ktime first_at;
    std::vector<FailedCall> calls;
    std::vector<RaisedSigpipe> sigpipes;
    std::optional<ProcessExited> exited;
    Ktime exited_at;
    bool printed = false;
    bool changed = false;    ///< since it was printed
    bool over = false;       ///< nothing more will be told of it
    bool cut_short = false;  ///< for want of room: something may have come that is not in it
    std::uint32_t revision = 0;
    std::uint32_t share_millionths = 0;  ///< of those then begun that are told; 0: all
    ErrnoCounts told_errors;
    std::string caused_by;    ///< id of the incident that brought this one about; found when it is printed
    ProcessId cause_process;  ///< who met that one
    bool by_child = false;    ///< met by a child of the process that let go
};

}  // namespace pipetrace
