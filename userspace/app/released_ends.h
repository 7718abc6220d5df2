// Pipes and unix sockets that failed and that their process has let go of since: no record tells that of a
// process that lives on, so what has failed in it is looked for among its descriptors, whenever much is open.
// The ends that are gone end their stories.
#pragma once

#include "app/process_lookup.h"
#include "correlate/correlator.h"
#include "model/ktime.h"
#include "source/event_source.h"

#include <cstddef>
#include <vector>

namespace pipetrace {

class ReleasedEnds {
public:
    /// Cheap where nothing is to be done; `sink` takes the last counts of the ends that are gone.
    void look(Correlator& correlator, const ProcessLookup& processes, EventSource& source,
              const RecordSink& sink, Ktime now);

private:
    std::size_t find(Correlator& correlator, const ProcessLookup& processes, EventSource& source,
                     const RecordSink& sink, Ktime now);

    std::vector<FailureKey> gone_;  ///< whose counts are on their way through the correlator
    Ktime next_time_;
    std::size_t next_look_ = kOpenMin;

    static constexpr std::size_t kOpenMin = 256;
};

}  // namespace pipetrace
