#include "store/recording_writer.h"

#include "model/utc_text.h"
#include "pipetrace_abi.h"
#include "store/incident_columns.h"
#include "store/recording_json.h"
#include "store/recording_schema.h"
#include "store/rules_digest.h"
#include "store/trace_rows.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <optional>
#include <utility>

namespace pipetrace {
namespace {

/// One file is given away as a whole: what is left out of one of its traces is in none.
Status check_redaction(Database& database, bool redacted) {
    const auto others = database.number(std::string("SELECT count(*) FROM traces WHERE redacted != ") +
                                        (redacted ? "1" : "0"));
    if (!others) return others.error();
    if (*others == 0) return Done{};
    return Error{"cannot record to " + database.name(),
                 redacted ? "it holds a trace that was not redacted, and this one would be"
                          : "it holds a trace that was redacted, and this one would not be",
                 "It was left as it is. Name another file with -o.", true};
}

/// Opens what is there, or makes it: what is no recording is left as it was found.
Result<std::unique_ptr<Database>> open_database(const RecordingFile& file, bool redacted) {
    auto database = Database::open(file.path(), file.name(), Database::Access::kWrite);
    if (!database) return database.error();
    const auto empty = is_empty(**database);
    if (!empty) return empty.error();
    if (*empty) {
        file.make_private();
        if (Status created = create_schema(**database); !created) return created.error();
    }
    if (Status checked = check_schema(**database); !checked) return checked.error();
    if (Status checked = check_redaction(**database, redacted); !checked) return checked.error();
    file.make_private();
    // NORMAL: what is committed survives this process at once, and a power cut after the next sync().
    // Checkpoints are the pruner's.
    const Status set = (*database)->execute(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=0; PRAGMA "
        "temp_store=MEMORY; "
        "PRAGMA secure_delete=FAST; PRAGMA cache_size=-8000");
    if (!set) return set.error();
    const auto is_wal =
        (*database)->number("SELECT count(*) FROM pragma_journal_mode WHERE journal_mode='wal'");
    if (!is_wal) return is_wal.error();
    if (*is_wal == 0) {
        return Error{"cannot record to " + file.name(),
                     "its file system does not let two programs share memory",
                     "Record to a local disk."};
    }
    return database;
}

}  // namespace

std::uint64_t RecordingBatch::bytes() const {
    std::uint64_t bytes = 0;
    for (const Segment& segment : segments)
        bytes += segment.records.size() + 4096;  // its last page is not full
    for (const IncidentRow& row : incidents) bytes += stored_bytes(row);
    for (const RecordedProcess& process : processes) bytes += stored_bytes(process);
    return bytes;
}

void RecordingBatch::append(RecordingBatch&& later) {
    const auto move_to = [](auto& all, auto& more) {
        all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
    };
    move_to(segments, later.segments);
    move_to(incidents, later.incidents);
    move_to(processes, later.processes);
}

std::optional<RecordingBatch> RecordingBatch::split_off_first() {
    RecordingBatch first;
    const auto take = [](auto& from, auto& to, std::size_t count) {
        const auto end = from.begin() + static_cast<std::ptrdiff_t>(count);
        to.assign(std::make_move_iterator(from.begin()), std::make_move_iterator(end));
        from.erase(from.begin(), end);
    };
    if (segments.size() > 1) {
        take(segments, first.segments, segments.size() / 2);
        Ktime last;
        for (const Segment& segment : first.segments) last = std::max(last, segment.last);
        const auto later = std::stable_partition(incidents.begin(), incidents.end(),
                                                 [&](const IncidentRow& row) { return row.last <= last; });
        take(incidents, first.incidents, static_cast<std::size_t>(later - incidents.begin()));
        take(processes, first.processes, processes.size());
    } else if (!segments.empty() && incidents.size() + processes.size() > 0) {
        // What is small and tells most.
        take(incidents, first.incidents, incidents.size());
        take(processes, first.processes, processes.size());
    } else if (incidents.size() > 1) {
        take(incidents, first.incidents, incidents.size() / 2);
        take(processes, first.processes, processes.size());
    } else if (incidents.size() + processes.size() > 1) {
        take(processes, first.processes, (processes.size() + 1) / 2);
    } else {
        return std::nullopt;
    }
    return first;
}

RecordingWriter::RecordingWriter(RecordingFile file, std::unique_ptr<Database> database,
                                 RecordingLimits limits, TraceContext trace)
    : file_(std::move(file)),
      database_(std::move(database)),
      pruner_(*database_, limits),
      trace_(std::move(trace)) {}

RecordingWriter::~RecordingWriter() {
    if (wal_fd_ >= 0) ::close(wal_fd_);
    // The file alone holds everything then, and SQLite removes the WAL.
    [[maybe_unused]] const auto done = database_->checkpoint(true);
}

Result<std::unique_ptr<RecordingWriter>> RecordingWriter::open(const std::string& path,
                                                               RecordingLimits limits, TraceContext trace) {
    auto file = RecordingFile::open(path);
    if (!file) return file.error();
    auto database = open_database(*file, trace.redacted);
    if (!database) {
        file->remove_if_created();
        return database.error();
    }
    std::unique_ptr<RecordingWriter> writer(
        new RecordingWriter(std::move(*file), std::move(*database), limits, std::move(trace)));
    Status begun = writer->prepare();
    if (begun) begun = writer->begin_trace();
    // It is there from the first transaction on. SQLite holds no locks on it that closing this could drop.
    if (begun) writer->wal_fd_ = ::open((writer->file_.path() + "-wal").c_str(), O_RDONLY | O_CLOEXEC);
    if (begun) begun = writer->sync();
    if (begun) return writer;
    writer->file_.remove_if_created();
    return begun.error();
}

Status RecordingWriter::prepare() {
    const std::pair<Statement&, std::string> wanted[] = {{insert_segment_, insert_segment_sql()},
                                                         {insert_incident_, insert_incident_sql()},
                                                         {insert_process_, insert_process_sql()}};
    for (const auto& [statement, sql] : wanted) {
        auto prepared = database_->prepare(sql);
        if (!prepared) return prepared.error();
        statement = std::move(*prepared);
    }
    return Done{};
}

template <typename Change>
Status RecordingWriter::change(std::uint64_t bytes, Change change) {
    out_of_space_ = false;
    const auto room = pruner_.make_room(bytes);
    if (!room) {
        is_damaged_ = is_damaged_ || room.error().is_of_content;
        return room.error();
    }
    if (!*room) {
        out_of_space_ = true;
        const std::string what = "cannot write to the recording " + name();
        if (!pruner_.is_wal_held()) {
            return Error{what, "its size limit is reached, and nothing old is left in it that could go",
                         "Raise --max-size, or record elsewhere."};
        }
        return Error{what,
                     "its size limit is reached, for a program that reads it keeps its log, " + file_.name() +
                         "-wal, from being emptied",
                     "End that program (`fuser " + file_.name() + "` names it)."};
    }
    if (Status begun = database_->execute("BEGIN IMMEDIATE"); !begun) return begun;
    Status changed = change();
    if (changed) changed = database_->execute("COMMIT");
    if (!changed) {
        out_of_space_ = database_->may_be_out_of_space();
        is_damaged_ = is_damaged_ || changed.error().is_of_content;
        [[maybe_unused]] const Status undone = database_->execute("ROLLBACK");
    }
    return changed;
}

Status RecordingWriter::begin_trace() {
    trace_.pipetrace_version = PIPETRACE_VERSION;
    trace_.rules_digest = rules_digest(trace_.advice_digest);
    trace_.abi_version = PT_ABI_VERSION;
    constexpr std::uint64_t kTraceBytes = 32U << 10;
    return change(kTraceBytes, [this]() -> Status {
        const auto id = insert_trace(*database_, trace_);
        if (!id) return id.error();
        trace_.trace_id = *id;
        return Done{};
    });
}

Status RecordingWriter::insert(RecordingBatch& batch) {
    for (Segment& segment : batch.segments) {
        segment.trace_id = trace_.trace_id;
        const std::string losses = losses_to_json(segment.losses);
        bind_segment(insert_segment_, segment, losses);
        if (Status done = database_->run(insert_segment_); !done) return done;
    }
    for (IncidentRow& row : batch.incidents) {
        row.trace_id = trace_.trace_id;
        const UtcText time = utc_text(row.time);
        bind_incident(insert_incident_, row, time.view());
        if (Status done = database_->run(insert_incident_); !done) return done;
    }
    for (const RecordedProcess& process : batch.processes) {
        const auto cmdline = cmdline_column(process);
        bind_process(insert_process_, trace_.trace_id, process, cmdline);
        if (Status done = database_->run(insert_process_); !done) return done;
    }
    return Done{};
}

Status RecordingWriter::write(RecordingBatch& batch) {
    if (batch.empty()) return Done{};
    return change(batch.bytes(), [&] { return insert(batch); });
}

Status RecordingWriter::write_what_fits(RecordingBatch& batch) {
    const Status whole = write(batch);
    if (whole || !out_of_space_) return whole;
    auto first = batch.split_off_first();
    if (!first) return whole;
    const Status begun = write_what_fits(*first);
    if (begun) return write_what_fits(batch);
    first->append(std::move(batch));
    batch = std::move(*first);
    return begun;
}

Status RecordingWriter::sync() const {
    if (::fdatasync(wal_fd_) == 0) return Done{};
    return Error{"cannot write to the recording " + name(), std::strerror(errno),
                 "Look at its disk, or record elsewhere."};
}

void RecordingWriter::give_back_memory() {
    [[maybe_unused]] const Status done = database_->execute("PRAGMA shrink_memory");
}

Status RecordingWriter::expire(WallTime now) { return pruner_.expire(now); }

Status RecordingWriter::close(WallTime ended, const LossCounts& losses, const TraceTotals& totals) {
    trace_.ended = ended;
    trace_.losses = losses;
    trace_.totals = totals;
    constexpr std::uint64_t kTraceBytes = 4096;
    return change(kTraceBytes, [this] { return update_trace(*database_, trace_); });
}

}  // namespace pipetrace
