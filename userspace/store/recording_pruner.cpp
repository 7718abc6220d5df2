#include "store/recording_pruner.h"

#include "store/recording.h"
#include "store/recording_file.h"

#include <algorithm>
#include <limits>

namespace pipetrace {
namespace {

constexpr std::int64_t kPageBytes = 4096;
constexpr std::int64_t kNsPerSecond = 1'000'000'000;

std::string number(std::int64_t value) { return std::to_string(value); }

}  // namespace

RecordingPruner::RecordingPruner(Database& database, RecordingLimits limits)
    : database_(database),
      limits_(limits),
      batch_bytes_max_(batch_bytes_max(limits)),
      wal_bytes_max_(4 * batch_bytes_max_) {}

std::uint64_t RecordingPruner::batch_bytes_max(RecordingLimits limits) {
    return std::clamp<std::uint64_t>(limits.size_bytes_max / 128, 256U << 10, 8U << 20);
}

Status RecordingPruner::set_limits(RecordingLimits limits) {
    limits_ = limits;
    batch_bytes_max_ = batch_bytes_max(limits);
    wal_bytes_max_ = 4 * batch_bytes_max_;
    const auto room = make_room(0);
    return room ? Status(Done{}) : Status(room.error());
}

Result<RecordingPruner::Pages> RecordingPruner::count_pages() {
    const auto all = database_.number("PRAGMA page_count");
    if (!all) return all.error();
    const auto unused = database_.number("PRAGMA freelist_count");
    if (!unused) return unused.error();
    return Pages{*all, *unused};
}

/// With `bytes` more, which go to the WAL first and to the file later.
Result<RecordingPruner::Fit> RecordingPruner::fit(std::uint64_t bytes) {
    constexpr std::uint64_t kWalIndexBytesMin = 128U << 10;
    constexpr std::uint64_t kWalBytesPerIndexByte =
        256;  // 8 bytes for each page and its header, and some room
    const std::uint64_t wal =
        std::max(wal_bytes_max_, file_bytes(database_.path() + "-wal") + 2 * batch_bytes_max_);
    const std::uint64_t index = std::max(kWalIndexBytesMin, wal / kWalBytesPerIndexByte);
    const auto pages = count_pages();
    if (!pages) return pages.error();
    const auto used_bytes =
        static_cast<std::uint64_t>(std::max<std::int64_t>(pages->all - pages->unused, 0) * kPageBytes);
    const std::uint64_t wanted_bytes = used_bytes + bytes;
    const std::uint64_t file = std::max(wanted_bytes, static_cast<std::uint64_t>(pages->all * kPageBytes));
    if (file + wal + index <= limits_.size_bytes_max) return Fit::kFits;
    return wanted_bytes + wal + index <= limits_.size_bytes_max ? Fit::kOnceGivenBack : Fit::kTooMuch;
}

Result<bool> RecordingPruner::empty_wal() {
    const std::string wal = database_.path() + "-wal";
    if (file_bytes(wal) > batch_bytes_max_) {
        const auto done = database_.checkpoint(true);
        if (!done) return done.error();
    }
    // What follows writes up to two transactions.
    is_wal_held_ = file_bytes(wal) + 2 * batch_bytes_max_ > wal_bytes_max_;
    return !is_wal_held_;
}

Result<bool> RecordingPruner::make_room(std::uint64_t bytes) {
    constexpr int kRoundsMax = 100'000;
    const std::uint64_t written = bytes + bytes / 4;  // pages that are not full, entries of indexes
    bool is_last = false;
    for (int round = 0; round < kRoundsMax; ++round) {
        const auto emptied = empty_wal();
        if (!emptied) return emptied;
        const auto fitting = fit(written);
        if (!fitting) return fitting.error();
        const bool fits = *fitting == Fit::kFits;
        if (fits || is_last || !*emptied) return fits;  // to delete would only lengthen the WAL
        if (*fitting == Fit::kOnceGivenBack) {
            const auto given = give_back();
            if (!given) return given;
            if (*given) continue;
        }
        const auto deleted = delete_oldest(std::max(written, limits_.size_bytes_max / 64));
        if (!deleted) return deleted.error();
        is_last = !*deleted;
        if (const auto given = give_back(); !given) return given;
    }
    return false;
}

/// False: there is nothing.
Result<bool> RecordingPruner::delete_oldest(std::uint64_t bytes) {
    const auto oldest = oldest_segments(bytes, WallTime{std::numeric_limits<std::int64_t>::max()});
    if (!oldest) return oldest.error();
    if (oldest->last_row == 0) return delete_other_rows();
    if (const Status done = delete_segments(*oldest); !done) return done.error();
    return true;
}

Result<RecordingPruner::Oldest> RecordingPruner::oldest_segments(std::uint64_t bytes, WallTime before) {
    auto statement = database_.prepare(
        "SELECT segment_id, trace_id, last_ktime_ns, wall_minus_ktime_ns, length(records) FROM segments "
        "ORDER BY segment_id LIMIT 64");
    if (!statement) return statement.error();
    Oldest oldest;
    for (std::uint64_t freed = 0; freed < bytes;) {
        const auto stepped = database_.step(*statement);
        if (!stepped) return stepped.error();
        if (!*stepped) break;
        Row row(*statement);
        const auto segment_id = row.number<std::int64_t>();
        const auto trace_id = row.number<std::int64_t>();
        const Ktime last{
            static_cast<std::uint64_t>(row.integer(0, std::numeric_limits<std::int64_t>::max() / 2))};
        const ClockOffsets clocks{row.integer(-INT64_MAX / 2, INT64_MAX / 2), 0};
        freed += static_cast<std::uint64_t>(row.integer(0, INT64_MAX / 2)) + kPageBytes;
        if (row.damage()) return database_.damaged(*row.damage());
        if (clocks.wall(last) >= before) break;
        oldest.last = trace_id == oldest.trace_id ? std::max(oldest.last, last) : last;
        oldest.trace_id = trace_id;
        oldest.last_row = segment_id;
    }
    return oldest;
}

/// And the incidents that ended in them or before.
Status RecordingPruner::delete_segments(const Oldest& oldest) {
    // Rows come in the order of time, but for a few: the first ones are looked at, not all.
    constexpr const char* kIncidentsLookedAt = "20000";
    const std::string trace = number(oldest.trace_id);
    return database_.execute_whole(
        "DELETE FROM segments WHERE segment_id <= " + number(oldest.last_row) +
        "; DELETE FROM incidents WHERE rowid < (SELECT min(rowid) FROM incidents) + " + kIncidentsLookedAt +
        " AND (trace_id < " + trace + " OR (trace_id = " + trace +
        " AND last_ktime_ns <= " + number(static_cast<std::int64_t>(oldest.last.ns)) + "))");
}

/// Where incidents fill the recording by themselves, or what was known of processes.
Result<bool> RecordingPruner::delete_other_rows() {
    for (const char* sql :
         {"DELETE FROM incidents WHERE rowid IN (SELECT rowid FROM incidents ORDER BY rowid LIMIT 500)",
          "DELETE FROM processes"}) {
        if (const Status done = database_.execute(sql); !done) return done.error();
        const auto deleted = database_.number("SELECT changes()");
        if (!deleted) return deleted.error();
        if (*deleted > 0) return true;
    }
    return false;
}

/// Traces of which nothing is left, but for the last, which is being written; and processes that no record
/// speaks of any more, because they have been told again since.
Status RecordingPruner::delete_unused_traces() {
    return database_.execute_whole(
        "DELETE FROM traces WHERE trace_id < (SELECT max(trace_id) FROM traces) "
        "AND trace_id < coalesce((SELECT trace_id FROM segments ORDER BY segment_id LIMIT 1), "
        "9223372036854775807) "
        "AND NOT EXISTS (SELECT 1 FROM incidents WHERE incidents.trace_id = traces.trace_id);"
        "DELETE FROM processes WHERE trace_id < (SELECT min(trace_id) FROM traces) OR "
        "(trace_id = (SELECT trace_id FROM segments ORDER BY segment_id LIMIT 1) AND since_ktime_ns < "
        "(SELECT first_ktime_ns FROM segments ORDER BY segment_id LIMIT 1) - " +
        number(static_cast<std::int64_t>(2 * kProcessToldAgainNs)) + ")");
}

/// What is deleted to make room is needed again at once: some is kept. False: nothing was given back.
Result<bool> RecordingPruner::give_back() {
    const auto pages = count_pages();
    if (!pages) return pages.error();
    const auto batch = static_cast<std::int64_t>(batch_bytes_max_) / kPageBytes;
    const auto limit = static_cast<std::int64_t>(limits_.size_bytes_max - wal_bytes_max_) / kPageBytes;
    const std::int64_t spare = std::max(pages->unused - pages->all / 4 - batch / 4, pages->all - limit);
    const std::int64_t count = std::min({spare, pages->unused, batch});
    if (count <= 0) return false;
    if (const Status done = database_.execute("PRAGMA incremental_vacuum(" + number(count) + ")"); !done)
        return done.error();
    return true;
}

Status RecordingPruner::expire(WallTime now) {
    constexpr int kRoundsMax = 1000;
    const std::uint64_t age_seconds =
        std::min<std::uint64_t>(limits_.age_seconds_max, INT64_MAX / kNsPerSecond / 4);
    const WallTime before{now.ns - static_cast<std::int64_t>(age_seconds) * kNsPerSecond};
    for (int round = 0; round < kRoundsMax; ++round) {
        const auto emptied = empty_wal();
        if (!emptied) return emptied.error();
        if (!*emptied) return Done{};  // somebody reads: later
        const auto oldest = oldest_segments(batch_bytes_max_, before);
        if (!oldest) return oldest.error();
        if (oldest->last_row == 0) break;
        if (const Status done = delete_segments(*oldest); !done) return done;
        if (const auto given = give_back(); !given) return given.error();
    }
    const std::string old =
        "DELETE FROM incidents WHERE rowid IN (SELECT rowid FROM incidents WHERE time_us < " +
        number(before.ns / 1000) + " LIMIT 5000)";
    if (const Status done = database_.execute(old); !done) return done;
    if (const Status done = delete_unused_traces(); !done) return done;
    if (const auto given = give_back(); !given) return given.error();
    if (file_bytes(database_.path() + "-wal") <= batch_bytes_max_ / 4) return Done{};
    const auto copied = database_.checkpoint(true);
    if (!copied) return copied.error();
    return Done{};
}

}  // namespace pipetrace
