// The rows that come with the program: programs/*.toml, made a part of it when it is built.
#pragma once

#include "advise/advice_row.h"

#include <span>
#include <string_view>
#include <vector>

namespace pipetrace {

struct AdviceText {
    const char* file;
    std::string_view text;
};
std::span<const AdviceText> shipped_advice_texts();

/// All of them, read; a file with a bad row, which the tests let pass none of, gives nothing.
std::vector<AdviceRow> shipped_advice();

}  // namespace pipetrace
