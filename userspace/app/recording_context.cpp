#include "app/recording_context.h"

#include "source/host_reader.h"

#include <sys/utsname.h>

namespace pipetrace {

TraceContext recording_context(TraceSession& session, const Options& options) {
    const TracedHost traced = read_traced_host();
    utsname machine{};
    ::uname(&machine);
    TraceContext trace;
    trace.host = traced.host;
    trace.machine = machine.machine;
    trace.ticks_per_second = session.source().ticks_per_second();
    trace.clocks = session.pipeline().clocks();
    trace.hooks = session.source().hook_report();
    trace.syscall_names = *traced.syscall_names;
    trace.tracer = traced.tracer;
    trace.advice_digest = session.advice().digest();
    trace.filter = options.filter;
    trace.errors = options.errors;
    trace.idle_after_seconds = options.idle_after_seconds;
    trace.redacted = options.redact;
    trace.started = traced.clocks.wall(read_ktime());
    return trace;
}

}  // namespace pipetrace
