// The table incidents: its columns, to and from an IncidentRow.
#pragma once

#include "model/incident_row.h"
#include "store/database.h"

#include <string>

namespace pipetrace {

/// Inserts a row, or replaces the one with the same trace and id by a later revision.
std::string insert_incident_sql();
void bind_incident(Statement& statement, const IncidentRow& row, std::string_view time_text);

/// "SELECT ... FROM incidents", the rowid last; without texts all but summary and advice.
std::string select_incidents_sql(bool with_texts);
/// Returns the rowid. What is wrong with the row, row.damage() tells; texts are kept as they are where the
/// row has none.
std::int64_t read_incident(Row& row, IncidentRow& incident, bool with_texts);

/// About how many bytes it takes in the file, its indexes included.
std::size_t stored_bytes(const IncidentRow& row);

}  // namespace pipetrace
