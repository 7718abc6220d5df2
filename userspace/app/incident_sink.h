// Where the pipeline's incidents go: a terminal or a file, a recording, a report.
#pragma once

#include "model/burst.h"
#include "model/counted_incident.h"
#include "model/evictions.h"
#include "model/incident.h"
#include "model/ktime.h"
#include "model/observation.h"

#include <cstdint>

namespace pipetrace {

class BurstTable;

class IncidentSink {
public:
    virtual ~IncidentSink() = default;

    /// A verdict stands on it, and the filter wants it. `burst` is the story so far of the burst that it
    /// belongs to, or null. A later revision replaces an earlier one of the same id.
    virtual void take(const Incident& incident, const BurstStory* burst, Ktime now) = 0;
    /// Counted, and not told: its story was not examined, for load had to be shed. No filter was asked.
    virtual void count(const CountedIncident&) {}
    /// All that was there to take at that time has been taken.
    virtual void advance_to(Ktime) {}
    /// The trace has ended.
    virtual void finish() {}

    /// Incidents taken, revisions not counted, that were not lost on their way out.
    virtual std::uint64_t kept() const = 0;
    /// The bursts of what it chose from what it was given; null: it does not choose.
    virtual const BurstTable* bursts() const { return nullptr; }
    /// What it was given and could not keep, by the name of where it should have gone.
    virtual LossCounts losses() const { return {}; }
    /// Adds what its own tables forgot for want of room.
    virtual void add_evictions(Evictions&) const {}
    /// Wants advance_to() soon again.
    virtual bool is_holding() const { return false; }
    /// Takes no more: its reader has gone, or it cannot write.
    virtual bool stopped() const { return false; }
};

}  // namespace pipetrace
