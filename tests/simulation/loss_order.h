// What may be told of a failure when records of it were lost: the truth or less, never something else.
#pragma once

#include "scenario.h"
#include "world.h"

#include <string>
#include <vector>

namespace pipetrace::testing {

/// Whether `told` claims no more than what `truth` makes true: the fixed partial order of the causes.
bool is_weaker(Cause told, const Incident& truth);

/// What is wrong with what was told of one story with records lost; empty: nothing.
std::vector<std::string> faults_against(const PlacedStory& story, const std::vector<const Told*>& told);

}  // namespace pipetrace::testing
