// `pipetrace serve`: the system-wide monitor. One trace of the whole system, its incidents handed to several
// sinks at once.
#include "app/advice_files.h"
#include "app/appended_file.h"
#include "app/commands.h"
#include "app/error_report.h"
#include "app/incident_fan.h"
#include "app/incident_lines.h"
#include "app/journal_sink.h"
#include "app/privileges.h"
#include "app/recording_context.h"
#include "app/reload.h"
#include "app/replay.h"
#include "app/serve_metrics.h"
#include "app/serve_recording.h"
#include "app/syscall_filter.h"
#include "app/terminal.h"
#include "app/trace_session.h"
#include "cli/options_parser.h"
#include "export/service_notifier.h"

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
        : options_(options), fan_(options.filter), recording_(recorder_settings(options)) {}

    int run();

private:
    static Recorder::Settings recorder_settings(const Options& options);
    TraceSession::Settings session_settings();
    TraceContext context();
    Status listen();
    Status make_sinks(const TracedHost& traced);
    bool takes(SignalGuard::Received signal);
    Status give_up_rights();
    Result<std::unique_ptr<IncidentLines>> open_lines(const Options& options) const;
    void write_lines_to(std::unique_ptr<IncidentLines> lines);
    void warn_of_lines() const;
    void restrict();
    void reload();
    Result<Reload> take_on();
    void tick();

    Options options_;  ///< in force
    SignalGuard signals_;
    IncidentFan fan_;
    ServeRecording recording_;
    std::unique_ptr<IncidentLines> printed_lines_;  ///< none without --json
    IncidentLines::Settings lines_settings_;
    std::unique_ptr<IncidentLines> kept_lines_;  ///< none without -o
    std::optional<JournalSink> journal_;
    ServiceNotifier notifier_;
    std::unique_ptr<ServeMetrics> metrics_;
    std::unique_ptr<TraceSession> session_;
};

int failed(const Error& error) {
    report_error(error);
    return kStatusFailed;
}

Recorder::Settings Monitor::recorder_settings(const Options& options) {
    Recorder::Settings settings;
    settings.path = options.recording_path.value_or(kServeRecording);
    settings.limits = options.recording_limits;
    settings.tell = report_error;
    return settings;
}

TraceSession::Settings Monitor::session_settings() {
    TraceSession::Settings settings;
    settings.options = options_;
    // The recording keeps all of it: another filter may come, and a report has its own.
    settings.options.filter = with_all_origins({});
    settings.target.recording = recording_.path();
    if (metrics_) settings.target.metrics = metrics_->address();
    settings.sink = &fan_;
    settings.on_record = [this](std::span<const std::byte> record) { recording_.add_record(record); };
    settings.print_after_ns = kRecordAfterNs;
    settings.sheds_load = true;
    settings.on_tick = [this] { tick(); };
    return settings;
}

TraceContext Monitor::context() {
    TraceContext context = recording_context(*session_, options_);
    context.filter = with_all_origins({});
    return context;
}

Status Monitor::make_sinks(const TracedHost& traced) {
    fan_.give_all(recording_);
    if (metrics_) fan_.give_chosen(*metrics_);
    lines_settings_ = {traced.host, traced.clocks, report_error};
    if (options_.json) {
        printed_lines_ = IncidentLines::to_stream(lines_settings_, STDOUT_FILENO);
        fan_.give_chosen(*printed_lines_);
    }
    auto lines = open_lines(options_);
    if (!lines) return lines.error();
    write_lines_to(std::move(*lines));
    fan_.give_chosen(journal_.emplace(traced.clocks, report_error));
    return Done{};
}

/// None without -o.
Result<std::unique_ptr<IncidentLines>> Monitor::open_lines(const Options& options) const {
    if (!options.output_path) return std::unique_ptr<IncidentLines>{};
    return IncidentLines::to_file(lines_settings_, *options.output_path);
}

/// What the former file still takes is waited for, two seconds at most.
void Monitor::write_lines_to(std::unique_ptr<IncidentLines> lines) {
    if (kept_lines_) fan_.take_away(*kept_lines_);
    kept_lines_ = std::move(lines);
    if (kept_lines_) fan_.give_chosen(*kept_lines_);
}

/// With the rights that are left: one that root's mere uid may not write to is open, and stays so until it is
/// moved.
void Monitor::warn_of_lines() const {
    if (!options_.output_path) return;
    if (const Status lasting = can_be_opened_again(*options_.output_path); !lasting)
        report_error(lasting.error());
}

/// True: it ends the trace.
bool Monitor::takes(SignalGuard::Received signal) {
    if (signal.number == SIGHUP) reload();
    return signal.number != SIGHUP;
}

/// Everything is read and checked before anything of it is taken on.
Result<Reload> Monitor::take_on() {
    const auto asked = reread_options(options_);
    if (!asked) return asked.error();
    if (const Status usage = check_usage(*asked); !usage) return usage.error();
    auto advice = load_advice(asked->advice_paths);
    if (!advice) return advice.error();
    const bool is_other_file = asked->output_path != options_.output_path;
    auto lines = is_other_file ? open_lines(*asked) : std::unique_ptr<IncidentLines>{};
    if (!lines) return lines.error();
    Reload planned = plan_reload(options_, *asked);
    if (is_other_file) write_lines_to(std::move(*lines));
    if (!is_other_file && kept_lines_) kept_lines_->look_for_file();
    if (planned.options.recording_limits != options_.recording_limits)
        recording_.set_limits(planned.options.recording_limits);
    fan_.choose(planned.options.filter);
    session_->take_advice(std::move(*advice));
    options_ = planned.options;
    if (is_other_file) warn_of_lines();
    return planned;
}

void Monitor::reload() {
    notifier_.reloading();
    const auto reloaded = take_on();
    if (!reloaded) {
        Error error = reloaded.error();
        error.remedy += error.remedy.empty() ? "" : error.remedy.ends_with('.') ? " " : ". ";
        error.remedy += "The configuration in force stays.";
        report_error(error);
        notifier_.ready("not reloaded: " + error.what + ": " + error.why);
        return;
    }
    const std::string text = reload_text(*reloaded);
    print_to_stderr("pipetrace: configuration read again: " + text + "\n");
    notifier_.ready("tracing; reloaded: " + text);
}

/// Those that the caller left open, all but where we are told to write to one.
bool are_inherited_wanted(const Options& options) {
    for (const auto& path : {options.output_path, options.recording_path, options.config_path}) {
        if (path && (path->starts_with("/dev/fd/") || path->starts_with("/proc/"))) return true;
    }
    return false;
}

/// The caller's folder would keep its file system from being unmounted. No path that we have is relative to
/// it.
void leave_folder(const Options& options) {
    if (options.folder.empty()) return;
    [[maybe_unused]] const int stayed = ::chdir("/");
}

/// Before any other thread runs: the rights are a thread's own.
Status Monitor::give_up_rights() {
    const auto kept = drop_privileges([this] { return session_->source().still_works(); });
    if (!kept) return kept.error();
    if (!kept->reads_processes && !options_.quiet)
        print_to_stderr(
            "pipetrace: CAP_SYS_PTRACE is missing: executables of other users' processes stay unknown\n");
    if (options_.verbose)
        print_to_stderr("pipetrace: keeps " + capability_list(*kept) + " and no other right\n");
    return Done{};
}

/// For all threads there are. Without it the monitor can do its work all the same.
void Monitor::restrict() {
    if (const Status restricted = restrict_system_calls(); !restricted) report_error(restricted.error());
}

void Monitor::tick() {
    notifier_.beat(ServiceNotifier::Clock::now());
    if (metrics_) metrics_->publish(*session_);
}

Status Monitor::listen() {
    if (!options_.metrics) return Done{};
    auto opened = ServeMetrics::open(*options_.metrics);
    if (!opened) return opened.error();
    metrics_ = std::move(*opened);
    return Done{};
}

int Monitor::run() {
    if (const Status listening = listen(); !listening) return failed(listening.error());
    if (const Status made = make_sinks(read_traced_host()); !made) return failed(made.error());
    auto opened = TraceSession::open(session_settings());
    if (!opened) return failed(opened.error());
    session_ = std::move(*opened);
    if (const Status given_up = give_up_rights(); !given_up) return failed(given_up.error());
    warn_of_lines();
    const Status started =
        recording_.start([this] { return context(); }, [this] { return session_->source().losses(); });
    if (!started) return failed(started.error());
    if (const Status begun = metrics_ ? metrics_->begin(*session_, options_) : Done{}; !begun)
        return failed(begun.error());
    restrict();
    session_->announce();
    notifier_.ready("tracing");
    TraceSession::Watch watch;
    watch.on_signal = [this](SignalGuard::Received signal) { return takes(signal); };
    session_->run_until_end(signals_, watch);
    notifier_.stopping();
    const SessionResult result = session_->finish();
    recording_.close(session_->pipeline().summary());
    return result.failed ? kStatusFailed : kStatusDone;
}

}  // namespace

int serve_command(const Options& options) {
    keep_to_oneself(!are_inherited_wanted(options));
    leave_folder(options);
    return Monitor(options).run();
}

}  // namespace pipetrace
