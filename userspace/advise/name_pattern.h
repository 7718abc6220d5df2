// Names as a shell matches them: * stands for any characters, ? for one.
#pragma once

#include <string_view>

namespace pipetrace {

/// Of the whole name. Takes time in proportion to both lengths multiplied, at most.
bool matches_pattern(std::string_view name, std::string_view pattern);

/// "/opt/java/bin/java (deleted)" -> "java".
std::string_view base_name(std::string_view path);

}  // namespace pipetrace
