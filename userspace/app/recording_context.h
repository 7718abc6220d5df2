// What a recording keeps of its trace besides records and incidents.
#pragma once

#include "app/trace_session.h"
#include "model/options.h"
#include "model/trace_context.h"

namespace pipetrace {

/// Of a session that has attached and is about to be recorded, from now on.
TraceContext recording_context(TraceSession& session, const Options& options);

}  // namespace pipetrace
