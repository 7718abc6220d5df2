// Whom -p names.
#pragma once

#include "app/trace_session.h"
#include "model/options.h"
#include "model/result.h"

#include <vector>

namespace pipetrace {

/// The processes meant: the id of any thread stands for its process.
Result<std::vector<Tgid>> find_processes(const std::vector<Tgid>& ids);

/// Has the trace follow those of the filter, and the children that they have, unless they are not to be
/// followed. All of them.
Result<std::vector<Tgid>> watch_processes(TraceSession& session, const IncidentFilter& filter);

}  // namespace pipetrace
