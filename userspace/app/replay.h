// A recorded trace through the pipeline again: its incidents, judged by the rules of this pipetrace.
#pragma once

#include "advise/advice_table.h"
#include "app/incident_sink.h"
#include "model/options.h"
#include "model/result.h"
#include "model/trace_context.h"
#include "store/recording_reader.h"

#include <cstdint>
#include <functional>

namespace pipetrace {

/// `record` tells an incident this long after its first error, so that less than a second is lost with its
/// process; a replay does the same.
inline constexpr std::uint64_t kRecordAfterNs = 300'000'000;

/// Receives the last revision of each incident, and how the host's clocks related then. Where very many can
/// still change, an earlier one too: of one id the last holds.
using ReplayedIncident = std::function<void(const Incident&, const ClockOffsets&)>;

/// Origins are kept whatever the filter says: another host's report may need them.
inline IncidentFilter with_all_origins(IncidentFilter filter) {
    filter.include_origin = true;
    filter.all_origins = true;
    return filter;
}

struct Replay {
    const RecordingReader& reader;
    const TraceContext& trace;
    const AdviceTable& advice;
    SegmentRange range;
    std::function<void(std::uint64_t records)> on_progress;  ///< read since the last call
    /// How many incidents had only been counted, as the last record that tells says. Called at the end.
    std::function<void(std::uint64_t)> on_counted_only;
};

/// Hands over what the recorded filter wanted, and every origin incident. An Error where the recording is
/// damaged: what came before has been handed over by then.
Status replay(const Replay& replay, const ReplayedIncident& take);

}  // namespace pipetrace
