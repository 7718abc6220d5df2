// Judges JSON by the part of JSON Schema that incident.schema.json uses.
#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace pipetrace::testing {

/// What is wrong with `value`, one line a fault, each with its place; empty: it is valid.
/// A keyword of the schema that this check does not know is a fault too.
std::vector<std::string> schema_faults(const nlohmann::json& schema, const nlohmann::json& value);

/// The repository's copy.
nlohmann::json incident_schema();

}  // namespace pipetrace::testing
