// Judges an incident: which cause the facts support, how surely, what excludes its rivals.
#pragma once

#include "model/incident.h"

namespace pipetrace {

/// Fills incident.verdict, and puts first_close right where the RST is neither end's. Pure: looks at nothing
/// but the incident.
void diagnose(Incident& incident);

}  // namespace pipetrace
