// Incident -> one line of JSON, as incident.schema.json fixes it. HookReport -> JSON.
#pragma once

#include "model/incident.h"
#include "model/observation.h"

#include <string>

namespace pipetrace {

/// Appends to a string instead of building a document: a storm of incidents must cost little.
class JsonRenderer {
public:
    JsonRenderer(HostIdentity host, ClockOffsets clocks);

    /// Of what is rendered from now on.
    void set_clocks(const ClockOffsets& clocks) { clocks_ = clocks; }

    /// Appends one line, its newline included.
    void render(const Incident& incident, std::string& out) const;

private:
    std::string host_json_;
    ClockOffsets clocks_;
};

/// `pipetrace doctor --json`: one object, newline included.
std::string hook_report_json(const HookReport& report);

}  // namespace pipetrace
