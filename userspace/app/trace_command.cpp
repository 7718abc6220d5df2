// `pipetrace [-p PID]…`: live, until something ends it.
#include "app/commands.h"
#include "app/error_report.h"
#include "app/trace_session.h"
#include "app/traced_processes.h"

namespace pipetrace {

int trace_command(const Options& asked) {
    SignalGuard signals;
    Options options = asked;
    auto found = find_processes(asked.filter.tgids);
    if (!found) {
        report_error(found.error());
        return kStatusFailed;
    }
    options.filter.tgids = *found;
    TraceSession::Settings settings;
    settings.options = options;
    settings.target = TraceTarget{options.filter.tgids, options.filter.follow_children, ""};
    auto session = TraceSession::open(std::move(settings));
    if (!session) {
        report_error(session.error());
        return kStatusFailed;
    }
    if (const auto watched = watch_processes(**session, options.filter); !watched) {
        report_error(watched.error());
        return kStatusFailed;
    }
    (*session)->announce();
    (*session)->run_until_end(signals, {});
    return (*session)->finish().failed ? kStatusFailed : kStatusDone;
}

}  // namespace pipetrace
