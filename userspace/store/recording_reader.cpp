#include "store/recording_reader.h"

#include "pipetrace_abi.h"
#include "store/database.h"
#include "store/incident_columns.h"
#include "store/recording_file.h"
#include "store/recording_schema.h"
#include "store/trace_rows.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace pipetrace {
namespace {

constexpr std::size_t kTracesMax = 10'000;

constexpr const char* kNotOurs =
    "Run as root, or as its owner; or have it copied, together with FILE-wal, to where you may read it.";

constexpr std::string_view kInRange =
    "last_ktime_ns >= ? AND first_ktime_ns <= ? AND last_ktime_ns + wall_minus_ktime_ns >= ? AND "
    "first_ktime_ns + wall_minus_ktime_ns <= ?";

void bind_range(Statement& statement, const SegmentRange& range) {
    statement.add_number(range.from.ns).add_number(range.to.ns).add(range.since.ns).add(range.until.ns);
}

bool is_there(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

/// SQLite would wait for ever on a FIFO, and read a device.
Status check_file(const std::string& path) {
    struct stat status {};
    const std::string what = "cannot read the recording " + path;
    if (::stat(path.c_str(), &status) != 0) {
        const int error = errno;
        if (is_dangling_link(path)) {
            return Error{what, "it is a link to a file that is not there", "Name the recording itself."};
        }
        const char* remedy = error == ENOENT   ? "`pipetrace record` makes one."
                             : error == EACCES ? kNotOurs
                                               : "Name another file.";
        return Error{what, std::strerror(error), remedy};
    }
    if (!S_ISREG(status.st_mode))
        return Error{what, "it is no plain file", "Name a file that `pipetrace record` made."};
    if (::access(path.c_str(), R_OK) != 0) {
        return Error{what, std::strerror(errno), kNotOurs};
    }
    if (status.st_size == 0) {
        return Error{what, "it is empty", "Name a file that `pipetrace record` made."};
    }
    return Done{};
}

Result<std::unique_ptr<Database>> open_checked(const std::string& path, const std::string& name,
                                               Database::Access access) {
    auto database = Database::open(path, name, access);
    if (!database) return database.error();
    if (const Status checked = check_schema(**database); !checked) return checked.error();
    return database;
}

/// A writer keeps a WAL and its index beside the file, and a killed one leaves them there. Without the index
/// nobody writes; a copy has none. Where SQLite could not make one, as on a read-only disk, it is kept in
/// memory.
Result<std::unique_ptr<Database>> open_database(const std::string& name) {
    const std::string path = without_links(name);
    if (!is_there(path + "-wal")) return open_checked(path, name, Database::Access::kReadStill);
    if (!is_there(path + "-shm")) return open_checked(path, name, Database::Access::kReadAlone);
    auto beside_writer = open_checked(path, name, Database::Access::kRead);
    if (beside_writer) return beside_writer;
    // The index may be there and not ours to open.
    if (::access((path + "-shm").c_str(), W_OK) == 0) return beside_writer;
    auto alone = open_checked(path, name, Database::Access::kReadAlone);
    return alone ? std::move(alone) : std::move(beside_writer);
}

std::string conditions(const IncidentQuery& query) {
    std::string sql = " WHERE 1";
    if (query.trace_id) sql += " AND trace_id = ?";
    if (query.since) sql += " AND time_us >= ?";
    if (query.until) sql += " AND time_us < ?";
    if (query.id) sql += " AND id = ?";
    return sql;
}

void bind_conditions(Statement& statement, const IncidentQuery& query) {
    constexpr std::int64_t kNsPerUs = 1000;
    if (query.trace_id) statement.add(*query.trace_id);
    if (query.since) statement.add(query.since->ns / kNsPerUs);
    if (query.until) statement.add(query.until->ns / kNsPerUs);
    if (query.id) statement.add(*query.id);
}

}  // namespace

Ktime record_time(std::span<const std::byte> record) {
    pt_header header;
    if (record.size() < sizeof header) return Ktime{};
    std::memcpy(&header, record.data(), sizeof header);
    return Ktime{header.ktime_ns};
}

Status for_each_record(const Segment& segment, const std::function<void(std::span<const std::byte>)>& sink) {
    std::span<const std::byte> rest(segment.records);
    std::uint32_t count = 0;
    while (rest.size() >= sizeof(pt_header)) {
        pt_header header;
        std::memcpy(&header, rest.data(), sizeof header);
        if (header.size < sizeof header || header.size > rest.size()) break;
        sink(rest.first(header.size));
        rest = rest.subspan(header.size);
        ++count;
    }
    if (rest.empty() && count == segment.record_count) return Done{};
    return Error{"cannot read a part of the recording", "its records are not as long, or as many, as it says",
                 "The recording is damaged; what came before is right."};
}

RecordingReader::RecordingReader(std::string path, std::unique_ptr<Database> database)
    : path_(std::move(path)), database_(std::move(database)) {}
RecordingReader::RecordingReader(RecordingReader&&) noexcept = default;
RecordingReader& RecordingReader::operator=(RecordingReader&&) noexcept = default;
RecordingReader::~RecordingReader() = default;

Result<RecordingReader> RecordingReader::open(const std::string& path) {
    if (const Status checked = check_file(path); !checked) return checked.error();
    auto database = open_database(path);
    if (!database) return database.error();
    return RecordingReader(path, std::move(*database));
}

Result<std::vector<TraceContext>> RecordingReader::traces() const {
    auto statement = database_->prepare(select_traces_sql() + " ORDER BY trace_id");
    if (!statement) return statement.error();
    std::vector<TraceContext> traces;
    for (;;) {
        const auto stepped = database_->step(*statement);
        if (!stepped) return stepped.error();
        if (!*stepped) break;
        Row row(*statement);
        TraceContext trace = read_trace(row);
        if (row.damage()) return database_->damaged(*row.damage());
        if (!traces.empty() && trace.trace_id <= traces.back().trace_id) {
            return database_->damaged("its traces are out of order");
        }
        if (traces.size() >= kTracesMax) return database_->damaged("it has too many traces");
        if (trace.abi_version > PT_ABI_VERSION || trace.abi_version < kAbiVersionMin) {
            return Error{"cannot read the recording " + path_,
                         "its records are of pipetrace " + printable(trace.pipetrace_version) + ", layout " +
                             std::to_string(trace.abi_version) + "; this one reads " +
                             std::to_string(kAbiVersionMin) + " to " + std::to_string(PT_ABI_VERSION),
                         "Read it with that version or a later one."};
        }
        traces.push_back(std::move(trace));
    }
    for (TraceContext& trace : traces) {
        if (const Status found = find_losses(trace); !found) return found.error();
    }
    return traces;
}

/// Its row has them only once it has ended; each segment has those before it.
Status RecordingReader::find_losses(TraceContext& trace) const {
    if (trace.ended) return Done{};
    auto statement =
        database_->prepare(select_segments_sql() + " WHERE trace_id = ? ORDER BY segment_id DESC LIMIT 1");
    if (!statement) return statement.error();
    statement->add(trace.trace_id);
    const auto stepped = database_->step(*statement);
    if (!stepped) return stepped.error();
    if (!*stepped) return Done{};
    Row row(*statement);
    Segment last;
    read_segment(row, last);
    if (row.damage()) return database_->damaged(*row.damage());
    trace.losses = std::move(last.losses);
    return Done{};
}

Status RecordingReader::scan_incidents(const IncidentQuery& query,
                                       const std::function<bool(const IncidentRow&)>& take) const {
    // By rowid, also where an index would serve: no sorting, and pages in circles show.
    auto statement = database_->prepare(select_incidents_sql(query.with_texts) + conditions(query) +
                                        (query.id ? "" : " ORDER BY rowid"));
    if (!statement) return statement.error();
    bind_conditions(*statement, query);
    IncidentRow incident;
    std::int64_t last = INT64_MIN;
    for (;;) {
        const auto stepped = database_->step(*statement);
        if (!stepped) return stepped.error();
        if (!*stepped) return Done{};
        Row row(*statement);
        const std::int64_t rowid = read_incident(row, incident, query.with_texts);
        if (row.damage()) return database_->damaged(*row.damage());
        if (!query.id && rowid <= last) return database_->damaged("its incidents are out of order");
        last = rowid;
        if (!take(incident)) return Done{};
    }
}

Result<std::uint64_t> RecordingReader::count_incidents(const IncidentQuery& query) const {
    auto statement = database_->prepare("SELECT count(*) FROM incidents" + conditions(query));
    if (!statement) return statement.error();
    bind_conditions(*statement, query);
    const auto stepped = database_->step(*statement);
    if (!stepped) return stepped.error();
    Row row(*statement);
    return row.number<std::uint64_t>();
}

Result<SegmentTotals> RecordingReader::segment_totals(const SegmentRange& range) const {
    auto statement = database_->prepare(
        "SELECT count(*), coalesce(sum(record_count), 0), coalesce(min(first_ktime_ns), 0), "
        "coalesce(max(last_ktime_ns), 0) FROM segments WHERE trace_id = ? AND " +
        std::string(kInRange));
    if (!statement) return statement.error();
    statement->add(range.trace_id);
    bind_range(*statement, range);
    const auto stepped = database_->step(*statement);
    if (!stepped) return stepped.error();
    Row row(*statement);
    SegmentTotals totals;
    totals.segments = row.number<std::uint64_t>();
    totals.records = row.number<std::uint64_t>();
    totals.first.ns = row.number<std::uint64_t>();
    totals.last.ns = row.number<std::uint64_t>();
    if (row.damage()) return database_->damaged(*row.damage());
    return totals;
}

/// The oldest go first, over all traces.
Result<bool> RecordingReader::is_pruned(std::int64_t trace_id) const {
    const auto begins_late = database_->number(
        "SELECT coalesce((SELECT segment_id > 1 AND trace_id = " + std::to_string(trace_id) +
        " FROM segments ORDER BY segment_id LIMIT 1), 0)");
    if (!begins_late) return begins_late.error();
    return *begins_late != 0;
}

Result<std::vector<RecordedProcess>> RecordingReader::process_history(std::int64_t trace_id,
                                                                      const ProcessId& process) const {
    auto statement = database_->prepare(select_process_columns() +
                                        " WHERE trace_id = ? AND tgid = ? AND start_boottime_ns = ? "
                                        "ORDER BY since_ktime_ns LIMIT 4096");
    if (!statement) return statement.error();
    statement->add(trace_id).add_number(process.tgid).add_number(process.start_boottime_ns);
    std::vector<RecordedProcess> history;
    while (true) {
        const auto stepped = database_->step(*statement);
        if (!stepped) return stepped.error();
        if (!*stepped) return history;
        Row row(*statement);
        RecordedProcess read = read_process(row, process);
        if (row.damage()) return database_->damaged(*row.damage());
        history.push_back(std::move(read));
    }
}

Result<bool> SegmentCursor::next(Segment& segment) {
    Database& database = *reader_->database_;
    auto statement = database.prepare(select_segments_sql() + " WHERE segment_id > ? AND trace_id = ? AND " +
                                      std::string(kInRange) + " ORDER BY segment_id LIMIT 1");
    if (!statement) return statement.error();
    statement->add(last_row_).add(range_.trace_id);
    bind_range(*statement, range_);
    const auto stepped = database.step(*statement);
    if (!stepped || !*stepped) return stepped;
    Row row(*statement);
    const std::int64_t segment_id = read_segment(row, segment);
    if (row.damage()) return database.damaged(*row.damage());
    if (segment_id <= last_row_) return database.damaged("its segments are out of order");
    last_row_ = segment_id;
    return true;
}

}  // namespace pipetrace
