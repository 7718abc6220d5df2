// `pipetrace [-p PID]…`: live, until something ends it.
#include "app/commands.h"
#include "app/error_report.h"
#include "app/trace_session.h"
#include "source/process_reader.h"

#include <fmt/format.h>
#include <unistd.h>

namespace pipetrace {
namespace {

/// The processes meant by -p: the id of any thread stands for its process.
Result<std::vector<Tgid>> find_processes(const std::vector<Tgid>& ids) {
    const ProcessReader reader;
    std::vector<Tgid> tgids;
    for (const Tgid id : ids) {
        const auto tgid = reader.process_of(id);
        if (!tgid) {
            return Error{fmt::format("cannot trace process {}", id),
                         "there is no process with this id, or it has ended",
                         "`pgrep -a NAME` finds the id of a running program; `pipetrace run -- CMD` starts "
                         "one."};
        }
        tgids.push_back(*tgid);
    }
    return tgids;
}

Status watch_processes(TraceSession& session, const IncidentFilter& filter) {
    const ProcessReader reader;
    for (const Tgid tgid : filter.tgids) {
        const Status watched = session.source().watch(tgid, filter.follow_children);
        if (!watched) return watched;
        session.pipeline().trace_process(tgid);
        if (!filter.follow_children) continue;
        for (const Tgid child : reader.descendants(tgid)) {
            if (!session.source().watch(child, true)) continue;
            session.pipeline().trace_process(child);
        }
    }
    return Done{};
}

}  // namespace

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
    if (const Status watched = watch_processes(**session, options.filter); !watched) {
        report_error(watched.error());
        return kStatusFailed;
    }
    (*session)->announce();
    (*session)->run_until_end(signals, {});
    return (*session)->finish().failed ? kStatusFailed : kStatusDone;
}

}  // namespace pipetrace
