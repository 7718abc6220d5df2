// The incidents that a report asks for, out of its recordings: by replay, with the ends on several hosts
// joined, or from the rows as they were recorded.
#pragma once

#include "advise/advice_table.h"
#include "app/incident_filter.h"
#include "app/recordings.h"
#include "merge/host_merge.h"
#include "model/incident_row.h"
#include "model/options.h"
#include "model/result.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace pipetrace {

class ReportReader {
public:
    /// All must outlive it.
    ReportReader(const Recordings& recordings, const Options& options, const AdviceTable& advice);

    using TakeIncident = std::function<void(const Recordings::Trace&, const Incident&, const ClockOffsets&)>;
    /// Judges all that was recorded anew. Of one id the last that is handed over holds. An Error where a
    /// recording is damaged: what came before has been handed over by then.
    Status replay_incidents(const TakeIncident& take);
    /// The same for the story of one incident; `row` tells where it is.
    Status replay_story(const IncidentRow& row, std::size_t recording, const TakeIncident& take);

    /// Whether the rows tell the same as a replay would.
    bool rows_will_do() const;
    Status scan_rows(const std::function<void(const IncidentRow&)>& take);

    /// Incidents that were only counted, while load was shed: of traces that ended in order as they say, of others
    /// as their records do, once all have been replayed.
    std::uint64_t counted_only() const;

    /// What was left out or is told twice, and how the hosts were joined.
    const std::vector<std::string>& notes() const { return notes_; }

private:
    using Replayed = std::function<void(std::size_t trace, Incident&, const ClockOffsets&)>;
    Status replay_all(const char* work, const Replayed& take);
    Status note_ends(HostMerge& merge);
    Status note_untold(std::uint64_t told);
    SegmentRange range_of(const TraceContext& trace) const;
    bool wants(const Incident& incident, const ClockOffsets& clocks) const;

    const Recordings& recordings_;
    const Options& options_;
    const AdviceTable& advice_;
    IncidentChooser chooser_;
    std::vector<std::string> notes_;
    std::vector<std::uint64_t> counted_in_records_;  ///< by trace
};

}  // namespace pipetrace
