// Writes one trace into a recording, batch by batch: each is there after a crash or not at all. After this
// process is killed, each that was written is there; after a power cut, each that was written before the last
// sync(). For one thread, but for sync().
#pragma once

#include "store/recording.h"
#include "store/recording_file.h"
#include "store/recording_pruner.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace pipetrace {

/// What is written at once. Trace ids are the writer's to set.
struct RecordingBatch {
    std::vector<Segment> segments;
    std::vector<IncidentRow> incidents;
    std::vector<RecordedProcess> processes;

    bool empty() const { return segments.empty() && incidents.empty() && processes.empty(); }
    /// About what it takes in the file.
    std::uint64_t bytes() const;
    void append(RecordingBatch&& later);
    /// Takes out what is to be written first where all of it is too much; nothing: it cannot be divided.
    std::optional<RecordingBatch> split_off_first();
};

class RecordingWriter {
public:
    /// Creates or continues a recording, and begins a trace in it; trace.trace_id, version, digest and ABI
    /// are the writer's to set. Nothing is changed where it fails.
    static Result<std::unique_ptr<RecordingWriter>> open(const std::string& path, RecordingLimits limits,
                                                         TraceContext trace);
    RecordingWriter(const RecordingWriter&) = delete;
    RecordingWriter& operator=(const RecordingWriter&) = delete;
    /// Without close(), the trace is left as one that was killed.
    ~RecordingWriter();

    /// All of it or, with an Error, nothing. May be tried again.
    Status write(RecordingBatch& batch);
    /// In smaller transactions where one is too large for the space that is left: with an Error, `batch` is
    /// what could not be written, and all that came before it is there.
    Status write_what_fits(RecordingBatch& batch);
    /// So large a batch may be at most; a small one always fits.
    std::uint64_t batch_bytes_max() const { return pruner_.batch_bytes_max(); }
    /// Others from now on; a recording that is too large for them loses what is oldest.
    Status set_limits(RecordingLimits limits) { return pruner_.set_limits(limits); }
    /// Waits until what has been written is on the disk. From any thread, and beside the other calls.
    Status sync() const;
    /// Deletes what has become too old. To be called every few seconds.
    Status expire(WallTime now);

    /// What was kept in memory to write faster: nothing has been written for a while.
    void give_back_memory();

    /// Ends the trace.
    Status close(WallTime ended, const LossCounts& losses, const TraceTotals& totals);

    bool is_removed() const { return file_.is_removed(); }
    /// A write has failed for what the file holds: so will each.
    bool is_damaged() const { return is_damaged_; }
    const std::string& name() const { return file_.name(); }
    std::int64_t trace_id() const { return trace_.trace_id; }
    std::uint64_t bytes_on_disk() const { return recording_bytes(file_.path()); }

private:
    RecordingWriter(RecordingFile file, std::unique_ptr<Database> database, RecordingLimits limits,
                    TraceContext trace);
    Status prepare();
    Status begin_trace();
    Status insert(RecordingBatch& batch);
    /// Room, one transaction, and all or nothing.
    template <typename Change>
    Status change(std::uint64_t bytes, Change change);

    // Destroyed last first: SQLite's connection before the descriptor with our lock.
    RecordingFile file_;
    std::unique_ptr<Database> database_;
    RecordingPruner pruner_;
    TraceContext trace_;
    int wal_fd_ = -1;
    bool out_of_space_ = false;  ///< why the last change failed
    bool is_damaged_ = false;
    Statement insert_segment_;
    Statement insert_incident_;
    Statement insert_process_;
};

}  // namespace pipetrace
