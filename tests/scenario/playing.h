// The correlator as the stories are played with it.
#pragma once

#include "correlate/correlator.h"
#include "event_builder.h"

namespace pipetrace::testing {

CorrelatorConfig config_of(const Hooks& hooks);

}  // namespace pipetrace::testing
