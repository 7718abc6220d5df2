// The system calls that a monitor makes once it is set up, and no others (seccomp).
#pragma once

#include "model/result.h"

namespace pipetrace {

/// For every thread of this process, for good. What is not allowed fails with ENOSYS, as on a kernel that
/// does not have it: a C library of later days then does without. It cannot execute, trace or signal another
/// program, make sockets other than AF_UNIX, load BPF programs, mount, or make memory executable that it may
/// write to.
Status restrict_system_calls();

}  // namespace pipetrace
