#include "app/trace_session.h"

#include "app/error_report.h"
#include "app/precedence.h"
#include "app/resident_memory.h"
#include "app/terminal.h"
#include "render/utf8.h"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace pipetrace {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

/// Long enough to cost nothing, short enough that events waiting for their order are told at once.
constexpr milliseconds kSettling{12};
constexpr milliseconds kQuiet{1000};
constexpr milliseconds kHolding{100};
constexpr int kQuietRounds = 120;  ///< settling rounds until incidents have been printed when due

/// Before the output is opened, which would empty it.
Result<std::unique_ptr<LogFollower>> open_logs(const TraceSession::Settings& settings) {
    const Options& options = settings.options;
    if (options.logs.empty()) return std::unique_ptr<LogFollower>();
    struct stat status {};
    if (options.output_path && ::stat(options.output_path->c_str(), &status) == 0) {
        const Status checked = LogFollower::check_output(options.logs, file_id(status));
        if (!checked) return checked.error();
    }
    return LogFollower::open(options.logs);
}

/// One that both name, and that was not there, is now.
Status check_logs(const TraceSession::Settings& settings, const std::optional<OutputFile>& output) {
    struct stat status {};
    if (!output || ::fstat(output->fd(), &status) != 0) return Done{};
    return LogFollower::check_output(settings.options.logs, file_id(status));
}

Result<OutputFile> open_output(const TraceSession::Settings& settings) {
    if (settings.options.output_path) return OutputFile::create(*settings.options.output_path);
    const bool is_stderr = settings.default_output_fd == STDERR_FILENO;
    return OutputFile(settings.default_output_fd, is_stderr ? "standard error" : "standard output");
}

}  // namespace

Result<std::unique_ptr<TraceSession>> TraceSession::open(Settings settings) {
    auto advice = load_advice(settings.options.advice_paths);
    if (!advice) return advice.error();
    auto logs = open_logs(settings);
    if (!logs) return logs.error();
    std::optional<OutputFile> output;
    if (settings.sink == nullptr) {
        auto opened = open_output(settings);
        if (!opened) return opened.error();
        output.emplace(std::move(*opened));
    }
    if (const Status checked = check_logs(settings, output); !checked) return checked.error();
    auto source =
        KernelSource::open({settings.options.mode, settings.options.errors, true, settings.options.left_out});
    if (!source) return source.error();
    return std::unique_ptr<TraceSession>(new TraceSession(
        std::move(settings), std::move(*advice), std::move(*source), std::move(output), std::move(*logs)));
}

TraceSession::TraceSession(Settings settings, AdviceTable advice, std::unique_ptr<KernelSource> source,
                           std::optional<OutputFile> output, std::unique_ptr<LogFollower> logs)
    : settings_(std::move(settings)),
      advice_(std::move(advice)),
      source_(std::move(source)),
      output_(std::move(output)),
      logs_(std::move(logs)),
      processes_(settings_.options.cmdline),
      started_(Clock::now()) {
    Pipeline::Settings flow;
    flow.options = settings_.options;
    flow.advice = &advice_;
    flow.traced = read_traced_host();
    flow.on_record = settings_.on_record;
    flow.sheds_load = settings_.sheds_load;
    flow.print_after_ns = settings_.print_after_ns;
    IncidentSink& sink = settings_.sink != nullptr ? *settings_.sink : make_printer(flow.traced);
    EventSource* records = source_.get();
    if (settings_.options.redact) records = &redacting_.emplace(*source_);
    pipeline_ = std::make_unique<Pipeline>(std::move(flow), *records, processes_, sink);
    // A program that runs in front of us owns the terminal's last line.
    status_wanted_ =
        !settings_.options.quiet && settings_.target.command.empty() && is_capable_terminal(STDERR_FILENO);
    if (settings_.options.verbose) print_to_stderr(source_->load_log());
}

IncidentSink& TraceSession::make_printer(const TracedHost& traced) {
    IncidentPrinter::Settings settings{
        settings_.options, traced.host, traced.clocks, {}, [this] { clear_status_line(); }};
    settings.text_style.colour = wants_colour(output_->fd());
    settings.text_style.width = terminal_width(output_->fd());
    settings.text_style.verbose = settings_.options.verbose;
    IncidentPrinter& printer = printer_.emplace(std::move(settings), *output_);
    if (!logs_) return printer;
    return joiner_.emplace(printer, *logs_, [this](const Error& error) {
        clear_status_line();
        report_error(error);
    });
}

void TraceSession::announce() {
    started_ = Clock::now();
    if (logs_ && !settings_.options.quiet) {
        for (const std::string& path : logs_->awaited())
            print_to_stderr("pipetrace: the log " + terminal_safe(path) +
                            " is not there yet: it is waited for\n");
    }
    print_to_stderr(readiness_line(source_->hook_report(), settings_.target));
}

std::uint64_t TraceSession::elapsed_seconds() const {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - started_).count());
}

bool TraceSession::time_is_up() const {
    const auto& limit = settings_.options.duration_seconds;
    return limit && Clock::now() - started_ >= std::chrono::duration<double>(*limit);
}

milliseconds TraceSession::next_timeout() const {
    const bool looks_by_itself =
        status_wanted_ || settings_.on_tick || !settings_.options.filter.tgids.empty();
    milliseconds timeout = looks_by_itself ? kQuiet : milliseconds{-1};
    if (logs_) timeout = std::min(kQuiet, logs_->pause());
    if (!settings_.options.duration_seconds) return timeout;
    const std::chrono::duration<double> limit(*settings_.options.duration_seconds);
    const auto left = std::chrono::ceil<milliseconds>(started_ + limit - Clock::now());
    const milliseconds bounded = std::clamp(left, milliseconds{0}, milliseconds{3'600'000});
    return timeout.count() < 0 ? bounded : std::min(timeout, bounded);
}

void TraceSession::tick() {
    if (!settings_.on_tick || Clock::now() < next_tick_) return;
    next_tick_ = Clock::now() + kQuiet;
    settings_.on_tick();
}

void TraceSession::show_status_line() {
    if (!status_wanted_) return;
    const std::string line =
        status_line(pipeline_->summary(), elapsed_seconds(), terminal_width(STDERR_FILENO));
    if (line == status_shown_) return;
    print_to_stderr("\r" + line + "\x1b[K");
    status_shown_ = line;
}

void TraceSession::clear_status_line() {
    if (!std::exchange(status_shown_, {}).empty()) print_to_stderr("\r\x1b[K");
}

void TraceSession::run_until_end(SignalGuard& signals, const Watch& watch) {
    forget_startup_code();
    keep_large_blocks_apart();
    take_precedence(kCollectorNice);
    int settling_rounds = 0;
    Clock::time_point next_look = Clock::now();
    while (!pipeline_->stopped() && !time_is_up()) {
        // A reader that leaves shows as an error on our end, even while there is nothing to write.
        std::array<pollfd, 4> others{pollfd{signals.fd(), POLLIN, 0}, pollfd{watch.fd, POLLIN, 0},
                                     pollfd{output_ ? output_->fd() : -1, 0, 0},
                                     pollfd{logs_ ? logs_->fd() : -1, POLLIN, 0}};
        milliseconds timeout = next_timeout();
        if (settling_rounds > 0) timeout = timeout.count() < 0 ? kSettling : std::min(timeout, kSettling);
        if (pipeline_->is_holding()) timeout = timeout.count() < 0 ? kHolding : std::min(timeout, kHolding);
        if (logs_) logs_->note_sleep();
        source_->wait(timeout, others);
        if (joiner_) joiner_->look();
        settling_rounds = pipeline_->pump() > 0 ? kQuietRounds : std::max(settling_rounds - 1, 0);
        if ((others[2].revents & (POLLERR | POLLHUP)) != 0) break;
        if ((others[1].revents & (POLLIN | POLLHUP | POLLERR)) != 0 && watch.on_ready()) break;
        if ((others[0].revents & POLLIN) != 0) {
            const auto received = signals.take();
            if (received && (!watch.on_signal || watch.on_signal(*received))) break;
        }
        if (!settings_.options.filter.tgids.empty()) {
            // Reads /proc, so not at every drain; exits are told by events as they come.
            if (Clock::now() >= next_look) {
                pipeline_->forget_ended();
                next_look = Clock::now() + kQuiet;
            }
            if (pipeline_->living() == 0) break;
        }
        tick();
        show_status_line();
    }
    clear_status_line();
}

SessionResult TraceSession::finish() {
    clear_status_line();
    pipeline_->finish();
    SessionResult result;
    result.shown = pipeline_->summary().incidents;
    if (printer_ && printer_->trouble() == OutputFile::Outcome::kFailed) {
        report_error(output_->error());
        result.failed = true;
    }
    if (!settings_.options.quiet) {
        print_to_stderr(summary_text(pipeline_->summary(), terminal_width(STDERR_FILENO)));
    }
    // Last: with fentry and kprobes the kernel waits for every CPU to have left each hook.
    source_->detach();
    return result;
}

}  // namespace pipetrace
