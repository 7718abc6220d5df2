// Text from processes is bytes: make it harmless for a terminal.
#pragma once

#include "model/utf8.h"

#include <cstddef>
#include <string>
#include <string_view>

namespace pipetrace {

/// What cannot be printed safely becomes "\x1b": control characters, bytes that are not UTF-8;
/// "\u202e": characters that are invisible or turn the writing direction, C1 controls. A
/// backslash stays one: the result is to be read, not parsed.
std::string terminal_safe(std::string_view text);

/// Columns that `text` takes on a terminal: code points, combining marks not counted, East
/// Asian wide ones twice. For text without escape sequences.
std::size_t display_width(std::string_view text);

}  // namespace pipetrace
