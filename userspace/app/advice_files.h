// The advice that a command gives: what comes with the program, and the user's own files.
#pragma once

#include "advise/advice_table.h"
#include "model/result.h"

#include <string>
#include <vector>

namespace pipetrace {

/// Read if it is there and may be read.
inline constexpr const char* kHostAdvice = "/etc/pipetrace/advice.toml";

/// `paths` were named by the user; a row in a later file takes the place of one with its id in an earlier. An
/// Error where any file cannot be read, or holds a bad row.
Result<AdviceTable> load_advice(const std::vector<std::string>& paths, const char* host_path = kHostAdvice);

}  // namespace pipetrace
