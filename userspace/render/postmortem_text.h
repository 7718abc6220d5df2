// The summary of a report as a person reads it: what, who, with whom, when; the most serious first.
#pragma once

#include "model/incident_row.h"
#include "model/postmortem.h"

#include <cstddef>
#include <string>

namespace pipetrace {

struct PostmortemStyle {
    bool colour = false;
    std::size_t width = 80;     ///< columns
    bool utc = false;           ///< else local time
    std::size_t rows_max = 10;  ///< of each table
};

/// One incident from its row alone: what was said when it was recorded.
std::string recorded_story_text(const IncidentRow& row, const PostmortemStyle& style);

std::string postmortem_text(const Postmortem& postmortem, const PostmortemStyle& style);

}  // namespace pipetrace
