// Which incidents the user asked to see. Filters select victims (and, with --origin, senders);
// evidence is never filtered.
#pragma once

#include "model/incident.h"
#include "model/options.h"

#include <set>

namespace pipetrace {

class IncidentChooser {
public:
    explicit IncidentChooser(IncidentFilter filter);

    /// Children of the traced, when they are followed.
    void add_traced(Tgid tgid) { traced_.insert(tgid); }

    bool wants(const Incident& incident) const;

private:
    bool wants_process(const Incident& incident) const;
    bool wants_endpoint(const Incident& incident) const;

    IncidentFilter filter_;
    std::set<Tgid> traced_;
};

}  // namespace pipetrace
