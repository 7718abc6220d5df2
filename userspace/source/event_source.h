// Where records come from: the running kernel, or a recording of one. The pipeline knows only this.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>

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

    /// Records that did not fit the buffer, by record kind; kinds with losses only.
    virtual std::map<std::string, std::uint64_t> losses() const = 0;

    /// No record will come any more: a recording has an end, a kernel has none.
    virtual bool ended() const { return false; }
};

}  // namespace pipetrace
