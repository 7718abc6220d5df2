// Which failed calls of an incident an earlier revision told, so that each can be counted once.
#pragma once

#include "model/incident.h"

#include <cstdint>
#include <utility>
#include <vector>

namespace pipetrace {

/// By errno, however often such calls failed; of a failure that goes on after it was told.
using ErrnoCounts = std::vector<std::pair<int, std::uint64_t>>;

/// Sets CallError::told_before.
void mark_told(const ErrnoCounts& told, std::vector<CallError>& errors);

/// What is taken back (an inferred call that was another one) stays told.
void remember_told(const std::vector<CallError>& errors, ErrnoCounts& told);

}  // namespace pipetrace
