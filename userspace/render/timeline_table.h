// The timeline as lines: when, which side, what, and a note beside it.
#pragma once

#include "model/incident.h"
#include "render/text_renderer.h"

#include <string>

namespace pipetrace {

/// One or more lines an entry; in verbose style a star marks the verdict's evidence.
std::string timeline_table(const Incident& incident, const TextStyle& style);

}  // namespace pipetrace
