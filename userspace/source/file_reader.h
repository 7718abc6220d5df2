// Whole small files: those of /proc and /sys, whose size nobody knows before reading, and the user's own.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace pipetrace {

/// Nothing if it cannot be opened or read.
std::optional<std::string> read_whole_file(const std::string& path);

/// Of a plain file and no other; nothing, and errno, if it cannot be read: EISDIR, EINVAL of a device or a FIFO (which
/// is not waited for), EFBIG of more than `bytes_max`.
std::optional<std::string> read_plain_file(const std::string& path, std::size_t bytes_max);

/// The file's first line, without its end.
std::optional<std::string> read_first_line(const std::string& path);

}  // namespace pipetrace
