// Where records come from: the running kernel, or a recording of one. The pipeline knows only this.
#pragma once

#include "model/ktime.h"
#include "model/observation.h"
#include "model/process.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>

struct pollfd;

namespace pipetrace {

/// One record (pipetrace_abi.h). The bytes are valid only during the call.
using RecordSink = std::function<void(std::span<const std::byte>)>;

class EventSource {
public:
    virtual ~EventSource() = default;

    /// Hands over every record that is there now, in the order they were made on each CPU; says how many.
    virtual std::size_t drain(const RecordSink& sink) = 0;

    /// Sleeps until records come, one of `others` is ready (its revents is set) or the time is up;
    /// it may return early. True: drain() is worth a call. Negative timeout: no limit.
    virtual bool wait(std::chrono::milliseconds timeout, std::span<pollfd> others) = 0;

    /// Records that did not fit the buffer.
    virtual LossCounts losses() const = 0;

    /// What can be seen at all, and through which hook.
    virtual const HookReport& hook_report() const = 0;
    /// HZ of the kernel that made the records, in which pt_tcp counts ages; > 0.
    virtual std::uint32_t ticks_per_second() const = 0;

    /// The rest asks a running kernel for more; a source that has none does nothing.

    /// Counts skipped hooks now, so that losses() tells of them.
    virtual void count_misses() {}
    /// Hands over a PT_FAILURES_COUNTED record for every endpoint that has failed and still lives. Nothing is
    /// reset.
    virtual void failure_counts(const RecordSink&) {}
    /// The same of these endpoints, at the end of one process (at `exited`) that failed on them, alone or with
    /// others.
    virtual void failure_counts_of(const RecordSink&, Tgid, std::span<const std::uint64_t>, Ktime) {}
    /// Looks up the holders of reported endpoints that have none known yet; those found come as
    /// PT_ENDPOINT_REMEMBERED records with the next drain().
    virtual void snapshot_owners() {}

    /// No record will come any more: a recording has an end, a kernel has none.
    virtual bool ended() const { return false; }
};

}  // namespace pipetrace
