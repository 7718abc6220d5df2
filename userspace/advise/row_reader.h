// One [[advice]] table -> a row, or what is wrong with it and in which line.
#pragma once

#include "advise/advice_row.h"
#include "model/result.h"

// Compiled into the two files that include this: nobody else sees the library, and no shared object is loaded.
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include <string>

namespace pipetrace {

/// Which file a row stands in, to complain with its line.
struct RowPlace {
    const std::string& file;

    Error fault(const toml::node& at, const std::string& what, std::string why, std::string remedy) const;
};

Result<AdviceRow> read_row(const RowPlace& place, const toml::table& table);

}  // namespace pipetrace
