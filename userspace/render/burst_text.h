// A burst as a person reads it: how many, of whom, from where, and what holds them together.
#pragma once

#include "model/burst.h"
#include "render/text_renderer.h"

#include <string>

namespace pipetrace {

/// "12 x peer_reset of nginx[812] from 10.0.0.7 in 0.4 s".
std::string burst_headline(const BurstStory& story);

/// "all silent for 350 s", "all broke within 12 ms"; "" where nothing more holds them together.
std::string burst_pattern_text(const BurstStory& story);

/// The block that stands for all incidents of a burst; benign ones take one line. Ends in a newline.
std::string burst_block(const BurstStory& story, const ClockOffsets& clocks, const TextStyle& style);

}  // namespace pipetrace
