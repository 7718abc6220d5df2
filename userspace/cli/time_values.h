// Points in time as journalctl takes them (systemd.time(7)): "2026-01-02 03:04:05", "03:04", "yesterday",
// "-2h", "2 hours ago", "@1700000000".
#pragma once

#include "model/ktime.h"
#include "model/result.h"

#include <string>

namespace pipetrace {

/// `option` is the name to complain of: "--since". Without a zone of its own the text is local, or with `utc`
/// UTC.
Result<WallTime> parse_time(const std::string& option, const std::string& text, WallTime now, bool utc);

}  // namespace pipetrace
