// The correlator as the stories are played with it.
#pragma once

#include "correlate/correlator.h"
#include "event_builder.h"
#include "scenario.h"

#include <vector>

namespace pipetrace::testing {

CorrelatorConfig config_of(const Hooks& hooks);

/// As play() does, with other bounds, say.
std::vector<Told> play(const CorrelatorConfig& config, Ktime begin, const std::vector<Arrival>& arrivals);

}  // namespace pipetrace::testing
