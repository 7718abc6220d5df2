// "Did you mean ...?": the known name that a misspelt one is closest to.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pipetrace {

/// Empty where nothing is near enough to be worth suggesting. Case is ignored.
std::string nearest_name(std::string_view misspelt, const std::vector<std::string>& known);

}  // namespace pipetrace
