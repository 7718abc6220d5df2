// Which host this is and how its clocks relate.
#pragma once

#include "model/incident.h"
#include "model/ktime.h"

namespace pipetrace {

HostIdentity read_host_identity();

/// Measured now; good to about a microsecond until the wall clock is set.
ClockOffsets read_clock_offsets();

/// CLOCK_MONOTONIC, the clock of the records.
Ktime read_ktime();

}  // namespace pipetrace
