// The file format of a recording, and the only place that knows it. A recording is a SQLite database in WAL
// mode:
//
//   PRAGMA application_id   0x70697065 ("pipe")
//   PRAGMA user_version     kFormatMajor * 1000 + kFormatMinor
//   PRAGMA auto_vacuum      INCREMENTAL: space that is pruned can be given back
//
//   traces      one run of `pipetrace record`; a restart appends another, perhaps of another boot or version
//   incidents   one row an incident, its last revision; (trace_id, id) is unique
//   segments    the kernel's records behind them: `records` holds them one after the other, each as
//               pipetrace_abi.h of the trace's abi_version lays it out, beginning with struct pt_header whose
//               `size` leads to the next. At most kSegmentBytesMax bytes, in rowid order as they came
//   processes   what /proc told of a process while recording, valid from since_ktime_ns on
//
// Times: *_ktime_ns are CLOCK_MONOTONIC of that boot, *_us and time are UTC. Columns named as in
// incident.schema.json mean the same. Text that is no UTF-8 is stored as a BLOB of its bytes; hooks,
// syscalls, settings, losses, totals and cmdline are JSON (bytes that are no UTF-8 replaced). Flags are 0
// or 1. NULL: not known.
//
// How it may change:
// * A table or column more, or another value where there are names: raise kFormatMinor. A reader of the new
// version
//   goes by the file's own number and does without what an older one has not.
// * Whatever an older reader's rows could not be read by any more: raise kFormatMajor. Recordings of another
// major
//   version are refused, and so are those of a newer minor one, which may hold what we have no name for.
// * Records: a kind's layout may only grow at its end, where zero must mean "not known", and the
//   decoder takes the shorter ones of old recordings with zeroes in place of the rest; anything else is a new
//   kind. PT_ABI_VERSION is raised with either. The records of a newer abi_version are refused, those from
//   kAbiVersionMin on are read.
#pragma once

#include "model/result.h"
#include "store/database.h"

#include <cstddef>
#include <cstdint>
#include <string>

namespace pipetrace {

inline constexpr std::int64_t kApplicationId = 0x70697065;
inline constexpr std::int64_t kFormatMajor = 1;
inline constexpr std::int64_t kFormatMinor = 0;
inline constexpr std::int64_t kFormatVersion = kFormatMajor * 1000 + kFormatMinor;
inline constexpr std::uint32_t kAbiVersionMin = 8;

/// A writer ends a segment long before; a reader refuses what is larger.
inline constexpr std::size_t kSegmentBytesMax = 1U << 20;

/// In an empty database; sets everything that PRAGMAs tell but the journal's mode, which is the writer's to
/// set.
Status create_schema(Database& database);

/// Whether nothing at all is in it.
Result<bool> is_empty(Database& database);

/// An Error that says why unless it is a recording which this version reads.
Status check_schema(Database& database);

}  // namespace pipetrace
