// Durations, sizes and times of day as a person reads them.
#pragma once

#include "model/ktime.h"

#include <cstdint>
#include <string>

namespace pipetrace {

/// "213 us", "12.3 ms", "1.003 s", "2 min 5 s", "3 h 7 min", "2 d 4 h".
std::string duration_text(std::uint64_t us);

/// Beside an incident's time, unit aligned: "-1.003 s ", "-0.213 ms", "0   ", "+0.040 ms".
std::string offset_text(std::int64_t us);

/// "10 B", "9999 B", "12.3 KiB".
std::string size_text(std::uint64_t bytes);

/// "1 byte", "5 bytes".
std::string byte_count_text(std::int64_t bytes);

/// "03:51:52.140 CET", or UTC.
std::string time_of_day_text(WallTime at, bool utc);

/// "2026-01-02", in the same zone.
std::string date_text(WallTime at, bool utc);

/// "SIGKILL"; a number without a name becomes "signal 77".
std::string signal_text(int signal);

}  // namespace pipetrace
