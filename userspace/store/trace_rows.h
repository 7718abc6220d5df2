// The tables traces, segments and processes: their columns, to and from values.
#pragma once

#include "store/database.h"
#include "store/recording.h"

#include <string>

namespace pipetrace {

/// Says which id it was given.
Result<std::int64_t> insert_trace(Database& database, const TraceContext& trace);
Status update_trace(Database& database, const TraceContext& trace);
std::string select_traces_sql();
TraceContext read_trace(Row& row);

std::string insert_segment_sql();
/// `losses` is its JSON; both must live until the statement has run.
void bind_segment(Statement& statement, const Segment& segment, std::string_view losses);
/// "SELECT ... FROM segments", segment_id first.
std::string select_segments_sql();
std::int64_t read_segment(Row& row, Segment& segment);

std::string insert_process_sql();
void bind_process(Statement& statement, std::int64_t trace_id, const RecordedProcess& process,
                  const std::optional<std::string>& cmdline);
/// About how many bytes it takes in the file.
std::size_t stored_bytes(const RecordedProcess& process);
std::optional<std::string> cmdline_column(const RecordedProcess& process);
std::string select_process_columns();
RecordedProcess read_process(Row& row, const ProcessId& process);

}  // namespace pipetrace
