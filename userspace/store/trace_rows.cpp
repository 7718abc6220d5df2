#include "store/trace_rows.h"

#include "store/recording_json.h"
#include "store/recording_schema.h"

#include <limits>

namespace pipetrace {
namespace {

constexpr std::int64_t kNsPerUs = 1000;
constexpr std::int64_t kMicrosecondsMax = std::numeric_limits<std::int64_t>::max() / kNsPerUs;
constexpr std::size_t kJsonBytesMax = 256 * 1024;
constexpr const char* kNotSuchJson = "is not such JSON";
// Half of what a time holds: sums of two stay within it.
constexpr std::int64_t kOffsetNsMax = std::numeric_limits<std::int64_t>::max() / 2;

WallTime read_microseconds(Row& row) {
    return WallTime{row.integer(-kMicrosecondsMax, kMicrosecondsMax) * kNsPerUs};
}

ClockOffsets read_clocks(Row& row) {
    ClockOffsets clocks;
    clocks.wall_minus_ktime_ns = row.integer(-kOffsetNsMax, kOffsetNsMax);
    clocks.wall_minus_boottime_ns = row.integer(-kOffsetNsMax, kOffsetNsMax);
    return clocks;
}

Ktime read_ktime(Row& row) { return Ktime{static_cast<std::uint64_t>(row.integer(0, kOffsetNsMax))}; }

/// A column of JSON that `parse` makes a value of.
template <typename T>
T read_json(Row& row, std::optional<T> (*parse)(std::string_view)) {
    auto value = parse(row.text(kJsonBytesMax));
    if (value) return std::move(*value);
    row.complain(kNotSuchJson);
    return T{};
}

}  // namespace

Result<std::int64_t> insert_trace(Database& database, const TraceContext& trace) {
    auto statement = database.prepare(
        "INSERT INTO traces(host, boot_id, kernel, machine, pipetrace_version, rules_digest, abi_version, "
        "ticks_per_second, wall_minus_ktime_ns, wall_minus_boottime_ns, hooks, syscalls, settings, redacted, "
        "started_us, losses, totals) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) RETURNING trace_id");
    if (!statement) return statement.error();
    const std::string hooks = hooks_to_json(trace.hooks);
    const std::string syscalls = syscalls_to_json(trace.syscall_names);
    const std::string settings = settings_to_json(trace);
    const std::string losses = losses_to_json(trace.losses);
    const std::string totals = totals_to_json(trace.totals);
    statement->add(trace.host.name).add(trace.host.boot_id).add(trace.host.kernel).add(trace.machine);
    statement->add(trace.pipetrace_version).add(trace.rules_digest).add_number(trace.abi_version);
    statement->add_number(trace.ticks_per_second).add(trace.clocks.wall_minus_ktime_ns);
    statement->add(trace.clocks.wall_minus_boottime_ns).add(hooks).add(syscalls).add(settings);
    statement->add_number(trace.redacted).add(trace.started.ns / kNsPerUs).add(losses).add(totals);
    const auto stepped = database.step(*statement);
    if (!stepped) return stepped.error();
    Row row(*statement);
    const auto id = row.number<std::int64_t>();
    // It is done only when it says that there is no second row.
    if (const auto ended = database.step(*statement); !ended) return ended.error();
    return id;
}

Status update_trace(Database& database, const TraceContext& trace) {
    auto statement = database.prepare("UPDATE traces SET ended_us=?, losses=?, totals=? WHERE trace_id=?");
    if (!statement) return statement.error();
    const std::string losses = losses_to_json(trace.losses);
    const std::string totals = totals_to_json(trace.totals);
    if (trace.ended) {
        statement->add(trace.ended->ns / kNsPerUs);
    } else {
        statement->add_null();
    }
    statement->add(losses).add(totals).add(trace.trace_id);
    return database.run(*statement);
}

std::string select_traces_sql() {
    return "SELECT trace_id, host, boot_id, kernel, machine, pipetrace_version, rules_digest, abi_version, "
           "ticks_per_second, wall_minus_ktime_ns, wall_minus_boottime_ns, hooks, syscalls, settings, "
           "redacted, "
           "started_us, ended_us, losses, totals FROM traces";
}

TraceContext read_trace(Row& row) {
    constexpr std::int64_t kTicksMax = 1'000'000;
    TraceContext trace;
    trace.trace_id = row.number<std::int64_t>();
    row.read(trace.host.name);
    row.read(trace.host.boot_id);
    row.read(trace.host.kernel);
    row.read(trace.machine);
    row.read(trace.pipetrace_version);
    row.read(trace.rules_digest);
    trace.abi_version = row.number<std::uint32_t>();
    trace.ticks_per_second = static_cast<std::uint32_t>(row.integer(1, kTicksMax));
    trace.clocks = read_clocks(row);
    trace.hooks = read_json(row, hooks_from_json);
    trace.syscall_names = read_json(row, syscalls_from_json);
    if (!settings_from_json(row.text(kJsonBytesMax), trace)) row.complain(kNotSuchJson);
    trace.redacted = row.boolean();
    trace.started = read_microseconds(row);
    if (!row.take_null()) trace.ended = read_microseconds(row);
    trace.losses = read_json(row, losses_from_json);
    trace.totals = read_json(row, totals_from_json);
    return trace;
}

std::string insert_segment_sql() {
    return "INSERT INTO segments(trace_id, first_ktime_ns, last_ktime_ns, looked_ktime_ns, record_count, "
           "wall_minus_ktime_ns, wall_minus_boottime_ns, losses, records) VALUES(?,?,?,?,?,?,?,?,?)";
}

void bind_segment(Statement& statement, const Segment& segment, std::string_view losses) {
    statement.add(segment.trace_id).add_number(segment.first.ns).add_number(segment.last.ns);
    statement.add_number(segment.looked.ns)
        .add_number(segment.record_count)
        .add(segment.clocks.wall_minus_ktime_ns);
    statement.add(segment.clocks.wall_minus_boottime_ns).add(losses).add(std::span(segment.records));
}

std::string select_segments_sql() {
    return "SELECT segment_id, trace_id, first_ktime_ns, last_ktime_ns, looked_ktime_ns, record_count, "
           "wall_minus_ktime_ns, wall_minus_boottime_ns, losses, records FROM segments";
}

std::int64_t read_segment(Row& row, Segment& segment) {
    const auto segment_id = row.number<std::int64_t>();
    segment.trace_id = row.number<std::int64_t>();
    segment.first = read_ktime(row);
    segment.last = read_ktime(row);
    if (segment.last < segment.first) row.complain("is before the first");
    segment.looked = read_ktime(row);
    segment.record_count = row.number<std::uint32_t>();
    segment.clocks = read_clocks(row);
    segment.losses = read_json(row, losses_from_json);
    const auto records = row.blob(kSegmentBytesMax);
    segment.records.assign(records.begin(), records.end());
    return segment_id;
}

std::string insert_process_sql() {
    return "INSERT OR REPLACE INTO processes(trace_id, tgid, start_boottime_ns, since_ktime_ns, exe, cgroup, "
           "container, cmdline) VALUES(?,?,?,?,?,?,?,?)";
}

void bind_process(Statement& statement, std::int64_t trace_id, const RecordedProcess& process,
                  const std::optional<std::string>& cmdline) {
    statement.add(trace_id).add_number(process.process.tgid).add_number(process.process.start_boottime_ns);
    statement.add_number(process.since.ns).add_text(process.details.exe).add_text(process.details.cgroup);
    statement.add_text(process.details.container).add_text(cmdline);
}

std::size_t stored_bytes(const RecordedProcess& process) {
    constexpr std::size_t kOtherColumns = 300;
    constexpr std::size_t kQuotes = 3;  // and a comma
    const ProcessDetails& details = process.details;
    std::size_t bytes = kOtherColumns;
    for (const auto* text : {&details.exe, &details.cgroup, &details.container}) {
        if (*text) bytes += (*text)->size();
    }
    if (!details.cmdline) return bytes;
    for (const std::string& word : *details.cmdline) bytes += word.size() + kQuotes;
    return bytes;
}

std::optional<std::string> cmdline_column(const RecordedProcess& process) {
    if (!process.details.cmdline) return std::nullopt;
    return cmdline_to_json(*process.details.cmdline);
}

std::string select_process_columns() {
    return "SELECT since_ktime_ns, exe, cgroup, container, cmdline FROM processes";
}

RecordedProcess read_process(Row& row, const ProcessId& process) {
    RecordedProcess read;
    read.process = process;
    read.since = read_ktime(row);
    row.read(read.details.exe);
    std::optional<std::string> cgroup, container;
    row.read(cgroup);
    row.read(container);  // for those who read the table: what a path tells is this version's to say
    read.details.set_cgroup(std::move(cgroup));
    if (!row.take_null()) read.details.cmdline = read_json(row, cmdline_from_json);
    return read;
}

}  // namespace pipetrace
