// A file of advice: TOML text -> rows, or what is wrong with it and in which line. Pure: the text is given.
// How a row is written stands in programs/how_to.toml.
#pragma once

#include "advise/advice_row.h"
#include "model/result.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace pipetrace {

/// A longer text is refused.
inline constexpr std::size_t kAdviceBytesMax = 256U << 10;

/// `file` is the name to complain of; the Error's what begins "FILE:LINE: ". One bad row refuses the whole
/// text.
Result<std::vector<AdviceRow>> parse_advice(const std::string& file, std::string_view text);

}  // namespace pipetrace
