// Takes the host part of addresses out of records before anything is made of them or kept.
#pragma once

#include "source/event_source.h"
#include "store/host_numbers.h"

#include <vector>

namespace pipetrace {

class RedactingSource final : public EventSource {
public:
    /// `source` must outlive it.
    explicit RedactingSource(EventSource& source) : source_(source) {}

    std::size_t drain(const RecordSink& sink) override { return source_.drain(redacted(sink)); }
    bool wait(std::chrono::milliseconds timeout, std::span<pollfd> others) override {
        return source_.wait(timeout, others);
    }
    LossCounts losses() const override { return source_.losses(); }
    const HookReport& hook_report() const override { return source_.hook_report(); }
    std::uint32_t ticks_per_second() const override { return source_.ticks_per_second(); }
    void count_misses() override { source_.count_misses(); }
    void failure_counts(const RecordSink& sink) override { source_.failure_counts(redacted(sink)); }
    void failure_counts_of(const RecordSink& sink, Tgid tgid, std::span<const std::uint64_t> ids,
                           Ktime exited) override {
        source_.failure_counts_of(redacted(sink), tgid, ids, exited);
    }
    void snapshot_owners() override { source_.snapshot_owners(); }
    bool ended() const override { return source_.ended(); }

private:
    RecordSink redacted(const RecordSink& sink) {
        return [this, &sink](std::span<const std::byte> record) {
            copy_.assign(record.begin(), record.end());
            hosts_.redact(copy_);
            sink(copy_);
        };
    }

    EventSource& source_;
    HostNumbers hosts_;
    std::vector<std::byte> copy_;
};

}  // namespace pipetrace
