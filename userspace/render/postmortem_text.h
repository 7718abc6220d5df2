// The summary of a report as a person reads it: what, who, with whom, when; the most serious first.
#pragma once

#include "model/incident_row.h"
#include "model/postmortem.h"
#include "render/text_renderer.h"

#include <cstdint>
#include <string>

namespace pipetrace {

/// One incident from its row alone: what was said when it was recorded.
std::string recorded_story_text(const IncidentRow& row, const TextStyle& style);

/// Of incidents that were only counted, while load was shed; nothing where there were none.
std::string counted_only_sentence(std::uint64_t incidents);

std::string postmortem_text(const Postmortem& postmortem, const TextStyle& style);

}  // namespace pipetrace
