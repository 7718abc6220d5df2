// The running kernel as a source of records: loads and attaches the BPF programs that the hook plan
// names, reads their ring buffer, and detaches everything when it is destroyed.
#pragma once

#include "model/ktime.h"
#include "model/observation.h"
#include "model/options.h"
#include "model/process.h"
#include "model/result.h"
#include "source/event_source.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace pipetrace {

class KernelSource final : public EventSource {
public:
    struct Settings {
        std::optional<Mode> mode;  ///< not set: the best that attaches
        ErrorsMode errors = ErrorsMode::kExact;
        bool take_snapshot = true;  ///< of endpoints older than the trace; doctor needs none
        std::vector<std::string> left_out;  ///< observations that are not to be made
    };

    /// Returns with everything attached and the snapshot taken.
    static Result<std::unique_ptr<KernelSource>> open(const Settings& settings);
    ~KernelSource() override;
    KernelSource(const KernelSource&) = delete;
    KernelSource& operator=(const KernelSource&) = delete;

    std::size_t drain(const RecordSink& sink) override;
    bool wait(std::chrono::milliseconds timeout, std::span<pollfd> others) override;
    /// Also how often each hook was skipped ("missed HOOK"), as last counted.
    LossCounts losses() const override;
    /// drain() does it about once a second.
    void count_misses() override;

    /// The hooks in use, after every attempt; hook_count counts attached programs.
    const HookReport& hook_report() const override;
    /// What libbpf said, for -v. Empty if all went well.
    const std::string& load_log() const;

    /// Marks a process as one asked for: its records carry PT_TRACED, its fork, exec and exit are
    /// reported, and with `follow` its children are marked too.
    Status watch(Tgid tgid, bool follow);
    void unwatch(Tgid tgid);

    void failure_counts(const RecordSink& sink) override;
    void failure_counts_of(const RecordSink& sink, Tgid tgid, std::span<const std::uint64_t> ids,
                           Ktime exited) override;
    void snapshot_owners() override;
    std::uint32_t ticks_per_second() const override;

    /// Whether its maps can be read and its iterators run with what the calling thread may do now.
    bool still_works();
    /// Of the ring buffer, since this was last asked.
    RingUse take_ring_use();
    /// How full its programs' tables are: milliseconds' work.
    std::vector<TableUse> table_use() const;
    /// What losses() may come to name: every kind of record, every attached hook.
    std::vector<std::string> loss_kinds() const;

    /// Detaches now; what has been recorded can still be drained. The destructor does it too.
    void detach();

private:
    void count_failures_of(std::uint64_t id, std::optional<Tgid> tgid, Ktime at, const RecordSink& sink);
    LossCounts lost_records() const;
    struct State;
    explicit KernelSource(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace pipetrace
