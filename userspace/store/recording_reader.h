// Reads a recording: as any user, on any machine, while it is being written too, and after its writer was
// killed. Nothing in the file is trusted: damage and malice give an Error. The file is never written to.
//
// Each call sees the recording at one moment and holds no lock afterwards, so that a long report does not
// keep the writer from reusing its space; what is pruned between two calls is simply not there any more. For
// one thread.
#pragma once

#include "store/recording.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace pipetrace {

class Database;

/// Which incidents a scan hands over. What is not set asks for nothing.
struct IncidentQuery {
    std::optional<std::int64_t> trace_id;
    std::optional<WallTime> since;  ///< inclusive, by the incident's time
    std::optional<WallTime> until;  ///< exclusive
    std::optional<std::string> id;
    bool with_texts = true;  ///< summary and advice too; they are most of the bytes
};

/// Segments that reach into all of it, bounds included; by the wall clock as it stood when each was recorded.
struct SegmentRange {
    std::int64_t trace_id = 0;
    Ktime from;
    Ktime to{static_cast<std::uint64_t>(INT64_MAX)};
    WallTime since{INT64_MIN};
    WallTime until{INT64_MAX};
};

/// How much there is to replay.
struct SegmentTotals {
    std::uint64_t segments = 0;
    std::uint64_t records = 0;
    Ktime first;  ///< unknown where there are none
    Ktime last;
};

class RecordingReader {
public:
    static Result<RecordingReader> open(const std::string& path);
    RecordingReader(RecordingReader&&) noexcept;
    RecordingReader& operator=(RecordingReader&&) noexcept;
    ~RecordingReader();

    const std::string& path() const { return path_; }

    /// All traces, oldest first; of one that has not ended in order, the losses so far. A trace whose records
    /// are of a newer layout than this pipetrace reads is an Error that names the version which wrote it.
    Result<std::vector<TraceContext>> traces() const;

    /// Streams the rows in the order in which they were recorded; false from `take` ends it. The row is
    /// valid during the call only. Memory does not grow with the number of rows.
    Status scan_incidents(const IncidentQuery& query,
                          const std::function<bool(const IncidentRow&)>& take) const;
    Result<std::uint64_t> count_incidents(const IncidentQuery& query) const;

    Result<SegmentTotals> segment_totals(const SegmentRange& range) const;
    /// Whether what came before the trace's first segment is not there any more.
    Result<bool> is_pruned(std::int64_t trace_id) const;
    /// What was read of a process, oldest first; of very many times, the first.
    Result<std::vector<RecordedProcess>> process_history(std::int64_t trace_id,
                                                         const ProcessId& process) const;

private:
    friend class SegmentCursor;
    Status find_losses(TraceContext& trace) const;
    RecordingReader(std::string path, std::unique_ptr<Database> database);

    std::string path_;
    std::unique_ptr<Database> database_;
};

/// Goes through the segments of a range in the order of recording, one in memory at a time.
class SegmentCursor {
public:
    /// `reader` must outlive it.
    SegmentCursor(const RecordingReader& reader, SegmentRange range) : reader_(&reader), range_(range) {}

    /// Fills `segment` with the next one; false: there is none left, as of now.
    Result<bool> next(Segment& segment);

private:
    const RecordingReader* reader_;
    SegmentRange range_;
    std::int64_t last_row_ = 0;
};

}  // namespace pipetrace
