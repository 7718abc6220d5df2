// errno numbers and their names, both ways.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pipetrace {

/// "EPIPE"; a number without a name becomes "E524".
std::string errno_name(int error);

/// "EPIPE", "epipe" or "32"; nothing where that names no error.
std::optional<int> errno_from_text(std::string_view text);

}  // namespace pipetrace
