#include "app/traced_processes.h"

#include "source/process_reader.h"

#include <fmt/format.h>

namespace pipetrace {

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

Result<std::vector<Tgid>> watch_processes(TraceSession& session, const IncidentFilter& filter) {
    const ProcessReader reader;
    std::vector<Tgid> all;
    for (const Tgid tgid : filter.tgids) {
        const Status watched = session.source().watch(tgid, filter.follow_children);
        if (!watched) return watched.error();
        session.pipeline().trace_process(tgid);
        all.push_back(tgid);
        if (!filter.follow_children) continue;
        for (const Tgid child : reader.descendants(tgid)) {
            if (!session.source().watch(child, true)) continue;
            session.pipeline().trace_process(child);
            all.push_back(child);
        }
    }
    return all;
}

}  // namespace pipetrace
