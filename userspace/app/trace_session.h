// One trace from the readiness line to the summary: the loop around a pipeline, and what may end it.
#pragma once

#include "app/advice_files.h"
#include "app/incident_printer.h"
#include "app/log_joiner.h"
#include "app/output_file.h"
#include "app/pipeline.h"
#include "app/process_directory.h"
#include "app/redacting_source.h"
#include "app/signal_guard.h"
#include "render/report_text.h"
#include "source/kernel_source.h"
#include "source/log_follower.h"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace pipetrace {

struct SessionResult {
    bool failed = false;      ///< output could not be written
    std::uint64_t shown = 0;  ///< incidents
};

class TraceSession {
public:
    struct Settings {
        Options options;
        TraceTarget target;
        int default_output_fd = 1;     ///< of incidents, without -o
        IncidentSink* sink = nullptr;  ///< takes the incidents instead of the printer; must outlive it
        bool sheds_load = false;       ///< see Pipeline
        RecordSink on_record;          ///< is given each record
        std::uint64_t print_after_ns = 1'000'000'000;
        std::function<void()> on_tick;  ///< called about once a second, if set
    };

    /// Attaches everything and opens the output; the readiness line is the caller's to ask for.
    static Result<std::unique_ptr<TraceSession>> open(Settings settings);

    const AdviceTable& advice() const { return advice_; }
    /// For the incidents to come.
    void take_advice(AdviceTable advice) { advice_ = std::move(advice); }
    KernelSource& source() { return *source_; }
    Pipeline& pipeline() { return *pipeline_; }

    /// Tells on stderr that tracing has begun.
    void announce();

    /// Something besides time, signals and output that may end the trace.
    struct Watch {
        int fd = -1;                                           ///< polled for reading; -1 none
        std::function<bool()> on_ready;                        ///< true: end the trace
        std::function<bool(SignalGuard::Received)> on_signal;  ///< true: end; default: every signal ends
    };
    void run_until_end(SignalGuard& signals, const Watch& watch);

    /// Prints what is open and the summary, then detaches.
    SessionResult finish();

private:
    TraceSession(Settings settings, AdviceTable advice, std::unique_ptr<KernelSource> source,
                 std::optional<OutputFile> output, std::unique_ptr<LogFollower> logs);

    std::chrono::milliseconds next_timeout() const;
    bool time_is_up() const;
    IncidentSink& make_printer(const TracedHost& traced);
    void tick();
    void show_status_line();
    void clear_status_line();
    std::uint64_t elapsed_seconds() const;

    Settings settings_;
    AdviceTable advice_;
    std::unique_ptr<KernelSource> source_;
    std::optional<RedactingSource> redacting_;
    std::optional<OutputFile> output_;
    std::unique_ptr<LogFollower> logs_;  ///< none without --log
    std::optional<IncidentPrinter> printer_;
    std::optional<LogJoiner> joiner_;  ///< before the printer, where logs are followed
    ProcessDirectory processes_;
    std::unique_ptr<Pipeline> pipeline_;
    std::chrono::steady_clock::time_point started_;
    std::chrono::steady_clock::time_point next_tick_;
    bool status_wanted_ = false;
    std::string status_shown_;  ///< what stands on the terminal's last line now
};

}  // namespace pipetrace
