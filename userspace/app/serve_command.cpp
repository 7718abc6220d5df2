// `pipetrace serve`: the system-wide monitor. One trace of the whole system, its incidents handed to several
// sinks at once.
#include "app/commands.h"
#include "app/error_report.h"
#include "app/incident_fan.h"
#include "app/recorder.h"
#include "app/recording_context.h"
#include "app/replay.h"
#include "app/trace_session.h"

#include <unistd.h>

#include <csignal>
#include <memory>
#include <optional>
#include <utility>

namespace pipetrace {
namespace {

class Monitor {
public:
    explicit Monitor(const Options& options)
        : options_(options), fan_(options.filter), recorder_(recorder_settings(options)) {}

    int run();

private:
    static Recorder::Settings recorder_settings(const Options& options);
    TraceSession::Settings session_settings();
    void make_sinks(const TracedHost& traced);
    bool takes(SignalGuard::Received signal);
    void tick() {}

    const Options options_;
    SignalGuard signals_;
    IncidentFan fan_;
    Recorder recorder_;
    OutputFile stdout_{STDOUT_FILENO, "standard output"};
    std::optional<IncidentPrinter> printer_;
    std::unique_ptr<TraceSession> session_;
};

int failed(const Error& error) {
    report_error(error);
    return kStatusFailed;
}

Recorder::Settings Monitor::recorder_settings(const Options& options) {
    Recorder::Settings settings;
    settings.path = options.recording_path.value_or(kDefaultRecording);
    settings.limits = options.recording_limits;
    settings.tell = report_error;
    return settings;
}

TraceSession::Settings Monitor::session_settings() {
    TraceSession::Settings settings;
    settings.options = options_;
    settings.options.filter = with_all_origins(options_.filter);
    settings.target.recording = recorder_.path();
    if (options_.metrics) settings.target.metrics = listen_address_text(*options_.metrics);
    settings.sink = &fan_;
    settings.on_record = [this](std::span<const std::byte> record) { recorder_.add_record(record); };
    settings.print_after_ns = kRecordAfterNs;
    settings.on_tick = [this] { tick(); };
    return settings;
}

void Monitor::make_sinks(const TracedHost& traced) {
    fan_.give_all(recorder_);
    if (!options_.json) return;
    fan_.give_chosen(printer_.emplace(
        IncidentPrinter::Settings{options_, traced.host, traced.clocks, {}, [] {}}, stdout_));
}

/// True: it ends the trace.
bool Monitor::takes(SignalGuard::Received signal) { return signal.number != SIGHUP; }

int Monitor::run() {
    make_sinks(read_traced_host());
    auto opened = TraceSession::open(session_settings());
    if (!opened) return failed(opened.error());
    session_ = std::move(*opened);
    TraceContext context = recording_context(*session_, options_);
    context.filter = with_all_origins(options_.filter);
    const Status started =
        recorder_.start(std::move(context), [this] { return session_->source().losses(); });
    if (!started) return failed(started.error());
    session_->announce();
    TraceSession::Watch watch;
    watch.on_signal = [this](SignalGuard::Received signal) { return takes(signal); };
    session_->run_until_end(signals_, watch);
    const SessionResult result = session_->finish();
    if (const Status closed = recorder_.close(session_->pipeline().summary()); !closed)
        return failed(closed.error());
    return result.failed || recorder_.has_failed() ? kStatusFailed : kStatusDone;
}

}  // namespace

int serve_command(const Options& options) { return Monitor(options).run(); }

}  // namespace pipetrace
