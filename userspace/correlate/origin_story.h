// An origin incident: this host sent the RST that somebody else meets.
#pragma once

#include "correlate/origin_table.h"
#include "correlate/story.h"

namespace pipetrace {

/// All but id, revision and lost.
Incident tell_origin(const Origin& origin, const SyscallNames& syscall_names);

}  // namespace pipetrace
