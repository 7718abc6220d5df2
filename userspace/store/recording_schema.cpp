#include "store/recording_schema.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>

namespace pipetrace {
namespace {

struct SchemaObject {
    std::string_view type;
    std::string_view name;
    std::string_view table;
    std::string_view sql;  ///< as SQLite keeps it
};

constexpr SchemaObject kObjects[] = {
    {"table", "traces", "traces",
     R"(CREATE TABLE traces(
  trace_id INTEGER PRIMARY KEY,
  host TEXT NOT NULL, boot_id TEXT NOT NULL, kernel TEXT NOT NULL, machine TEXT NOT NULL,
  pipetrace_version TEXT NOT NULL, rules_digest TEXT NOT NULL, abi_version INTEGER NOT NULL,
  ticks_per_second INTEGER NOT NULL,
  wall_minus_ktime_ns INTEGER NOT NULL, wall_minus_boottime_ns INTEGER NOT NULL,
  hooks TEXT NOT NULL, syscalls TEXT NOT NULL, settings TEXT NOT NULL, redacted INTEGER NOT NULL,
  started_us INTEGER NOT NULL, ended_us INTEGER, losses TEXT NOT NULL, totals TEXT NOT NULL))"},
    {"table", "incidents", "incidents",
     R"(CREATE TABLE incidents(
  id TEXT NOT NULL, revision INTEGER NOT NULL, trace_id INTEGER NOT NULL,
  time TEXT NOT NULL, time_us INTEGER NOT NULL, host TEXT NOT NULL, role TEXT NOT NULL,
  pid INTEGER, comm TEXT, exe TEXT, uid INTEGER, cgroup TEXT, container TEXT,
  kind TEXT NOT NULL, local TEXT, local_port INTEGER, remote TEXT, remote_port INTEGER,
  errors TEXT NOT NULL, error_count INTEGER NOT NULL, sigpipe TEXT,
  rst_direction TEXT, rst_state TEXT, rst_seq INTEGER, first_close TEXT, idle_us INTEGER, age_us INTEGER,
  peer_pid INTEGER, peer_comm TEXT, peer_action TEXT, peer_unread_bytes INTEGER, peer_host TEXT,
  cause TEXT NOT NULL, confidence TEXT NOT NULL, severity TEXT NOT NULL,
  caused_by TEXT, burst TEXT, lost INTEGER NOT NULL, first_ktime_ns INTEGER NOT NULL, last_ktime_ns INTEGER NOT NULL,
  summary TEXT NOT NULL, advice TEXT NOT NULL))"},
    {"index", "incident_ids", "incidents", "CREATE UNIQUE INDEX incident_ids ON incidents(trace_id, id)"},
    {"index", "incident_times", "incidents", "CREATE INDEX incident_times ON incidents(time_us)"},
    {"table", "segments", "segments",
     R"(CREATE TABLE segments(
  segment_id INTEGER PRIMARY KEY, trace_id INTEGER NOT NULL,
  first_ktime_ns INTEGER NOT NULL, last_ktime_ns INTEGER NOT NULL, looked_ktime_ns INTEGER NOT NULL,
  record_count INTEGER NOT NULL, wall_minus_ktime_ns INTEGER NOT NULL, wall_minus_boottime_ns INTEGER NOT NULL,
  losses TEXT NOT NULL, records BLOB NOT NULL))"},
    {"table", "processes", "processes",
     R"(CREATE TABLE processes(
  trace_id INTEGER NOT NULL, tgid INTEGER NOT NULL, start_boottime_ns INTEGER NOT NULL,
  since_ktime_ns INTEGER NOT NULL, exe TEXT, cgroup TEXT, container TEXT, cmdline TEXT,
  PRIMARY KEY(trace_id, tgid, start_boottime_ns, since_ktime_ns)) WITHOUT ROWID)"},
};
constexpr std::size_t kSchemaObjectsMax = 200;

constexpr const char* kNoRecording = "Name a file that `pipetrace record` made.";

/// Of the newest trace, whatever else has changed: the one column that every version has.
std::string recorded_by(Database& database) {
    auto statement = database.prepare("SELECT pipetrace_version FROM traces ORDER BY rowid DESC LIMIT 1");
    if (!statement) return "";
    const auto stepped = database.step(*statement);
    if (!stepped || !*stepped) return "";
    Row row(*statement);
    return printable(row.text());
}

Status check_version(Database& database, std::int64_t version) {
    if (version / 1000 == kFormatMajor && version <= kFormatVersion) return Done{};
    const std::string by = recorded_by(database);
    const std::string writer = by.empty() ? "another version of pipetrace" : "pipetrace " + by;
    const std::string format = std::to_string(version / 1000) + "." + std::to_string(version % 1000);
    const bool is_newer = version > kFormatVersion;
    return Error{"cannot read the recording " + database.name(),
                 "it was made by " + writer + ", in format " + format + "; this one reads " +
                     std::to_string(kFormatMajor) + ".0 to " + std::to_string(kFormatMajor) + "." +
                     std::to_string(kFormatMinor),
                 is_newer ? "Read it with that version or a later one." : "Read it with that version.", true};
}

/// Each table is really that table: no view, trigger or index of somebody else's lies in between.
Status check_objects(Database& database) {
    auto statement = database.prepare("SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_schema");
    if (!statement) return statement.error();
    std::array<bool, std::size(kObjects)> seen{};
    for (std::size_t count = 0;; ++count) {
        const auto stepped = database.step(*statement);
        if (!stepped) return stepped.error();
        if (!*stepped) break;
        Row row(*statement);
        const auto type = row.text();
        const auto name = row.text();
        const auto table = row.text();
        const auto sql = row.text();
        if (row.damage()) return database.damaged(*row.damage());
        const auto* expected = std::find_if(std::begin(kObjects), std::end(kObjects),
                                            [&](const SchemaObject& object) { return object.name == name; });
        const bool is_ours = std::any_of(std::begin(kObjects), std::end(kObjects),
                                         [&](const SchemaObject& object) { return object.table == table; });
        if (name.starts_with("sqlite_") && sql.empty()) continue;  // made by SQLite itself
        if (expected == std::end(kObjects) ? is_ours : type != expected->type || sql != expected->sql) {
            return database.damaged("its " + printable(type) + " '" + printable(name) +
                                    "' is not of a recording");
        }
        if (expected != std::end(kObjects)) seen[static_cast<std::size_t>(expected - kObjects)] = true;
        if (count > kSchemaObjectsMax) return database.damaged("too much besides a recording is in it");
    }
    const auto missing = std::find(seen.begin(), seen.end(), false);
    if (missing == seen.end()) return Done{};
    const auto& object = kObjects[static_cast<std::size_t>(missing - seen.begin())];
    return database.damaged("its " + std::string(object.type) + " '" + std::string(object.name) +
                            "' is missing");
}

}  // namespace

Result<bool> is_empty(Database& database) {
    const auto objects = database.number("SELECT count(*) FROM sqlite_schema");
    if (!objects) return objects.error();
    const auto application = database.number("PRAGMA application_id");
    if (!application) return application.error();
    return *objects == 0 && *application == 0;
}

Status create_schema(Database& database) {
    std::string sql = "PRAGMA application_id=" + std::to_string(kApplicationId) +
                      "; PRAGMA user_version=" + std::to_string(kFormatVersion);
    for (const SchemaObject& object : kObjects) {
        sql += ';';
        sql += object.sql;
    }
    // Takes effect only before there is a table.
    if (Status set = database.execute("PRAGMA auto_vacuum=INCREMENTAL"); !set) return set;
    return database.execute_whole(sql);
}

Status check_schema(Database& database) {
    const auto application = database.number("PRAGMA application_id");
    if (!application) return application.error();
    if (*application != kApplicationId) {
        return Error{"cannot use " + database.name() + " as a recording",
                     "it is another program's SQLite database", kNoRecording, true};
    }
    const auto version = database.number("PRAGMA user_version");
    if (!version) return version.error();
    if (Status checked = check_version(database, *version); !checked) return checked;
    return check_objects(database);
}

}  // namespace pipetrace
