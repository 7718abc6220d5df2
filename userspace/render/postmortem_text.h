// The summary of a report as a person reads it: what, who, with whom, when; the most serious first.
#pragma once

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

std::string postmortem_text(const Postmortem& postmortem, const PostmortemStyle& style);

}  // namespace pipetrace
