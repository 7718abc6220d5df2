// What serve tells Prometheus: every name, label and bound of /metrics is here.
//
// pipetrace_incidents_total{cause,severity}: each incident once, as it was when first told.
// pipetrace_process_incidents_total{process,container}: the same, by who met it.
// pipetrace_unexamined_incidents_total: those that were only counted, to keep the load down. They are in the
//     counters above too, under cause "unknown", severity "warning".
// pipetrace_errors_total{errno,sigpipe}: failed calls, repeats too, as they are told: with the incident, and
//     with each revision those that are new. `sigpipe` is the incident's fate for EPIPE, as known then
//     ("unknown" where it is not), and "none" for every errno that raises no signal. A SIGPIPE whose write
//     returned bytes is no failed call: its incident is counted, and nothing here.
// pipetrace_resets_total{direction,reason}: every RST, whatever came of it. `reason` is the sending kernel's
//     own, without SK_RST_REASON_ (from 6.12), else "unknown": so it is of RSTs from other hosts.
// pipetrace_events_lost_total{kind}: records that did not fit, hooks that were skipped.
// pipetrace_idle_before_reset_seconds: of victims that a RST reached, the silence before it.
// pipetrace_connection_age_seconds: of victims on tcp and unix sockets, how old the connection was.
// pipetrace_evictions_total{table}: what was forgotten before its time, because a table was full;
// model/evictions.h
//     says of each what that does. No event is lost by it: whom it concerns is told with doubt, or as new.
// pipetrace_kernel_table_entries{table}, pipetrace_kernel_table_size{table}: of the kernel programs' tables, as read
//     once a minute. The kernel drops the oldest entry of a full one, and tells nobody: how often is not known. In
//     most, what is over is left in its place until then, so that full is not yet too small.
// pipetrace_hook_attached{observation,hook}, pipetrace_observation_complete{observation}, pipetrace_ready,
//     pipetrace_records_total, pipetrace_ring_{size,used,peak}_bytes,
//     pipetrace_older_endpoint_incidents_total, pipetrace_build_info, pipetrace_trace_info.
// process_*: see process_metrics.h.
//
// Begin at 0, so that increase() sees the first of them: all causes in every severity, the errors that
// sockets and pipes give, all reasons of both directions, all tables, all kinds of loss that describe() is
// told. Not the names of processes.
//
// Series: at most kSeriesMax a host. Label values that others choose keep their names in the order of coming,
// to a bound; the rest count under "other" (of processes: process="other", container="other") until pipetrace
// is started anew. They are valid UTF-8 without control characters ("\x1b"); what is not known is "".
#pragma once

#include "model/counted_incident.h"
#include "model/incident.h"
#include "model/observation.h"

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace pipetrace {

class Metrics {
public:
    static constexpr std::size_t kSeriesMax = 2000;
    static constexpr std::size_t kProcessesMax = 1000;
    static constexpr std::size_t kErrnosMax = 40;
    static constexpr std::size_t kLossKindsMax = 160;
    static constexpr std::size_t kObservationsMax = 64;
    static constexpr std::size_t kTablesMax = 16;

    explicit Metrics(const std::string& version);
    ~Metrics();
    Metrics(const Metrics&) = delete;
    Metrics& operator=(const Metrics&) = delete;

    // To be called by one thread.

    /// The trace has begun. `loss_kinds`: what LossCounts may come to name.
    void describe(const HookReport& report, ErrorsMode errors, const std::vector<std::string>& loss_kinds);
    /// One revision of an incident.
    void count(const Incident& incident);
    /// One that is not examined, or what came since of one that was counted.
    void count(const CountedIncident& incident);
    /// Of the trace so far; totals never fall.
    void publish(const TraceSummary& summary, const RingUse& ring);
    /// At most kTablesMax of them.
    void publish(const std::vector<TableUse>& tables);

    // By any thread. It copies the numbers one name at a time: count() waits that long at most.

    /// In Prometheus' text format.
    std::string exposition() const;
    /// The trace has begun, and publish() was called in the last seconds.
    bool is_ready() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace pipetrace
