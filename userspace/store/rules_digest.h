// Which rules this pipetrace judges by.
#pragma once

#include <string>

namespace pipetrace {

/// Hex SHA-256 over the record layout, the sources of model/, decode/, correlate/, diagnose/ and advise/ and the shipped
/// advice, and after it what tells the user's own advice apart ("" without any): two that are equal make the same
/// verdicts of the same records.
std::string rules_digest(const std::string& advice_digest);

}  // namespace pipetrace
