// TOML text -> rows of advice, or what is wrong with one and in which line. The only one that sees the
// library.
#pragma once

#include "advise/advice_row.h"
#include "model/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace pipetrace {

/// `text` nests no deeper than advice_file.cpp lets it.
Result<std::vector<AdviceRow>> read_rows(const std::string& file, std::string_view text);

}  // namespace pipetrace
