// `pipetrace record`: keeps a trace in a recording until something ends it.
#include "app/commands.h"
#include "app/error_report.h"
#include "app/recorder.h"
#include "app/recording_context.h"
#include "app/replay.h"
#include "app/trace_session.h"
#include "app/traced_processes.h"

#include <utility>

namespace pipetrace {
namespace {

Recorder::Settings recorder_settings(const Options& options) {
    Recorder::Settings settings;
    settings.path = options.output_path.value_or(kDefaultRecording);
    settings.limits = options.recording_limits;
    settings.redact = options.redact;
    settings.tell = report_error;
    return settings;
}

TraceSession::Settings session_settings(const Options& options, Recorder& recorder) {
    TraceSession::Settings settings;
    settings.options = options;
    settings.target = TraceTarget{options.filter.tgids, options.filter.follow_children, "", recorder.path()};
    settings.sink = &recorder;
    settings.on_record = [&recorder](std::span<const std::byte> record) { recorder.add_record(record); };
    settings.print_after_ns = kRecordAfterNs;
    return settings;
}

Result<Options> with_processes(const Options& asked) {
    auto found = find_processes(asked.filter.tgids);
    if (!found) return found.error();
    Options options = asked;
    options.filter = with_all_origins(asked.filter);
    options.filter.tgids = *found;
    return options;
}

/// A replay cannot ask who was whose child before the trace: the recording names them all.
Status start(TraceSession& session, Recorder& recorder, const Options& options) {
    const auto traced = watch_processes(session, options.filter);
    if (!traced) return traced.error();
    TraceContext trace = recording_context(session, options);
    trace.filter.tgids = *traced;
    return recorder.start(std::move(trace), [&session] { return session.source().losses(); });
}

int failed(const Error& error) {
    report_error(error);
    return kStatusFailed;
}

}  // namespace

int record_command(const Options& asked) {
    SignalGuard signals;
    const auto options = with_processes(asked);
    if (!options) return failed(options.error());
    Recorder recorder(recorder_settings(*options));
    auto session = TraceSession::open(session_settings(*options, recorder));
    if (!session) return failed(session.error());
    const Status started = start(**session, recorder, *options);
    if (!started) return failed(started.error());
    (*session)->announce();
    (*session)->run_until_end(signals, {});
    const SessionResult result = (*session)->finish();
    if (const Status closed = recorder.close((*session)->pipeline().summary()); !closed)
        return failed(closed.error());
    return result.failed || recorder.has_failed() ? kStatusFailed : kStatusDone;
}

}  // namespace pipetrace
