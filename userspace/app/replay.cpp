#include "app/replay.h"

#include "app/pipeline.h"
#include "app/recorded_processes.h"
#include "source/recording_source.h"

#include <cstddef>
#include <deque>
#include <string>
#include <unordered_map>
#include <utility>

namespace pipetrace {
namespace {

/// Lets the last revision of each incident through, as far as memory allows: the oldest of many that may
/// still change is told as it stands, and again if it did.
class LastRevisions final : public IncidentSink {
public:
    LastRevisions(const RecordingSource& source, const ReplayedIncident& take)
        : source_(source), take_(take) {}

    void take(const Incident& incident, const BurstStory*, Ktime) override {
        if (incident.revision == 0) ++kept_;
        if (incident.is_final) {
            open_.erase(incident.id);
            take_(incident, source_.clocks());
            return;
        }
        const auto [place, is_new] = open_.insert_or_assign(incident.id, Open{incident, source_.clocks()});
        if (is_new) by_age_.push_back(incident.id);
        while (open_.size() > kOpenMax) tell_oldest();
    }
    void finish() override {
        while (!by_age_.empty()) tell_oldest();
    }
    std::uint64_t kept() const override { return kept_; }

private:
    static constexpr std::size_t kOpenMax = 4096;

    struct Open {
        Incident incident;
        ClockOffsets clocks;
    };

    void tell_oldest() {
        const auto oldest = open_.find(by_age_.front());
        by_age_.pop_front();
        if (oldest == open_.end()) return;
        take_(oldest->second.incident, oldest->second.clocks);
        open_.erase(oldest);
    }

    const RecordingSource& source_;
    const ReplayedIncident& take_;
    std::unordered_map<std::string, Open> open_;
    std::deque<std::string> by_age_;  ///< those in open_, and some that have been told since
    std::uint64_t kept_ = 0;
};

Pipeline::Settings settings_of(const TraceContext& trace, const AdviceTable& advice, const RecordingSource& source) {
    Pipeline::Settings settings;
    settings.advice = &advice;
    settings.options.filter = with_all_origins(trace.filter);
    settings.options.errors = trace.errors;
    settings.options.idle_after_seconds = trace.idle_after_seconds;
    settings.traced.host = trace.host;
    settings.traced.clocks = trace.clocks;
    settings.traced.syscall_names = &trace.syscall_names;
    settings.traced.tracer = trace.tracer;
    settings.clock = [&source] { return source.now(); };
    settings.print_after_ns = kRecordAfterNs;
    return settings;
}

}  // namespace

Status replay(const Replay& replay, const ReplayedIncident& take) {
    const auto is_pruned = replay.reader.is_pruned(replay.trace.trace_id);
    if (!is_pruned) return is_pruned.error();
    RecordingSource source(replay.reader, replay.trace, replay.range, *is_pruned);
    RecordedProcesses processes(replay.reader, replay.trace.trace_id);
    LastRevisions sink(source, take);
    Pipeline pipeline(settings_of(replay.trace, replay.advice, source), source, processes, sink);
    while (true) {
        const auto more = source.advance();
        if (!more) return more.error();
        if (!*more) break;
        const std::uint64_t read_before = source.records_read();
        pipeline.pump();
        if (!source.damage()) return source.damage();
        if (!processes.damage()) return processes.damage();
        if (replay.on_progress) replay.on_progress(source.records_read() - read_before);
    }
    pipeline.finish();
    if (replay.on_counted_only) replay.on_counted_only(pipeline.summary().counted_only);
    return processes.damage();
}

}  // namespace pipetrace
