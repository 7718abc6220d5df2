// How wide text is on a terminal.
#pragma once

#include "model/utf8.h"

#include <cstddef>
#include <string_view>

namespace pipetrace {

/// Columns that `text` takes on a terminal: code points, combining marks not counted, East
/// Asian wide ones twice. For text without escape sequences.
std::size_t display_width(std::string_view text);

}  // namespace pipetrace
