// Which host this is and how its clocks relate.
#pragma once

#include "model/incident.h"
#include "model/ktime.h"

namespace pipetrace {

/// The name is the host's also in a container that has the host's pid namespace, and the rights for it:
/// CAP_SYS_ADMIN, or CAP_SYS_PTRACE for its /etc/hostname.
HostIdentity read_host_identity();

/// Measured now; good to about a microsecond until the wall clock is set.
ClockOffsets read_clock_offsets();

/// Only where the wall clock was set, or has drifted far: what is measured differs by a little each time, and
/// times once told are to be told again alike. Says whether it changed them.
bool follow_clocks(ClockOffsets& clocks);

/// CLOCK_MONOTONIC, the clock of the records.
Ktime read_ktime();

}  // namespace pipetrace
