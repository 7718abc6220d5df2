// Which incidents the user asked to see. Filters select victims (and, with --origin, senders);
// evidence is never filtered.
#pragma once

#include "model/counted_incident.h"
#include "model/incident.h"
#include "model/options.h"

#include <cstdint>
#include <set>

namespace pipetrace {

class IncidentChooser {
public:
    explicit IncidentChooser(IncidentFilter filter);

    /// Children of the traced, when they are followed.
    void add_traced(Tgid tgid) { traced_.insert(tgid); }

    bool wants(const Incident& incident) const;
    /// Whether no victim's incident is left out.
    bool wants_all() const { return wants_all_; }
    /// kUnknown: nothing that is known speaks against it, and what is asked of its process is not known.
    enum class Wanted : std::uint8_t { kNo, kUnknown, kYes };
    /// By what is known of it: its cause is not, so it is `unknown`, a warning.
    Wanted wants(const CountedIncident& counted) const;

private:
    bool wants_facts(const Incident& incident) const;
    bool wants_process(const Incident& incident, bool if_unknown) const;
    bool wants_endpoint(const Incident& incident) const;

    IncidentFilter filter_;
    bool wants_all_;
    std::set<Tgid> traced_;
};

}  // namespace pipetrace
