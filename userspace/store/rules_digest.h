// Which rules this pipetrace judges by.
#pragma once

#include <string_view>

namespace pipetrace {

/// Hex SHA-256 over the record layout and the sources of model/, decode/, correlate/ and diagnose/: two that
/// are equal make the same verdicts of the same records.
std::string_view rules_digest();

}  // namespace pipetrace
