// Small files of /proc and /sys, whose size nobody knows before reading.
#pragma once

#include <optional>
#include <string>

namespace pipetrace {

/// Nothing if it cannot be opened or read.
std::optional<std::string> read_whole_file(const std::string& path);

/// The file's first line, without its end.
std::optional<std::string> read_first_line(const std::string& path);

}  // namespace pipetrace
