// Judges an incident: which cause the facts support, how surely, what excludes its rivals.
#pragma once

#include "model/incident.h"

namespace pipetrace {

/// Fills incident.verdict. Pure: looks at nothing but the incident.
void diagnose(Incident& incident);

}  // namespace pipetrace
