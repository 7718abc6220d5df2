// Prints errors for the user: what, why, what to do. Nothing else in pipetrace prints one.
#pragma once

#include "model/result.h"

namespace pipetrace {

/// To stderr. Ends quietly where stderr is closed.
void report_error(const Error& error);

}  // namespace pipetrace
