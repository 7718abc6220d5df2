// One run of `record` as its recording tells of it: whatever the pipeline must know besides the
// records themselves to explain them anew, elsewhere and later.
#pragma once

#include "model/incident.h"
#include "model/ktime.h"
#include "model/observation.h"
#include "model/options.h"
#include "model/process.h"
#include "model/syscall_names.h"

#include <cstdint>
#include <optional>
#include <string>

namespace pipetrace {

/// Counts as of the end of a trace, or of the last time that they were written.
struct TraceTotals {
    std::uint64_t events = 0;
    std::uint64_t incidents = 0;
    std::uint64_t counted_only = 0;  ///< beyond them: not told, for load was shed
    std::uint64_t resets_received = 0;
    std::uint64_t resets_sent = 0;
    std::uint64_t endpoints_older_than_trace = 0;
    std::uint64_t evicted = 0;

    bool operator==(const TraceTotals&) const = default;
};

struct TraceContext {
    std::int64_t trace_id = 0;  ///< within its recording; ascending in time
    HostIdentity host;
    std::string machine;                 ///< `uname -m`
    std::string pipetrace_version;       ///< that recorded
    std::string rules_digest;            ///< of its rules: where ours is the same, so are the verdicts
    std::string advice_digest;           ///< of the user's own advice, a part of rules_digest; given to who records
    std::uint32_t abi_version = 0;       ///< of the records
    std::uint32_t ticks_per_second = 0;  ///< > 0
    ClockOffsets clocks;                 ///< at the start; each segment has them again
    HookReport hooks;
    SyscallNames syscall_names;  ///< of that machine
    Tgid tracer = 0;             ///< `record` itself, of whose own failures nothing is told
    IncidentFilter filter;       ///< of the incidents; records and origins are all kept
    ErrorsMode errors = ErrorsMode::kExact;
    std::uint32_t idle_after_seconds = 30;
    bool redacted = false;
    WallTime started;
    std::optional<WallTime> ended;                ///< none: it was killed, or still runs
    LossCounts losses;
    TraceTotals totals;
};

/// What was read about a process while it lived; it may have become another program since.
struct RecordedProcess {
    ProcessId process;
    Ktime since;  ///< when it was read
    ProcessDetails details;
};

}  // namespace pipetrace
