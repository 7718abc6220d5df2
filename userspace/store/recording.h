// What a recording holds besides the model's own values.
#pragma once

#include "model/incident_row.h"
#include "model/ktime.h"
#include "model/result.h"
#include "model/trace_context.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace pipetrace {

/// Where `record` writes and `report` reads when no file is named.
inline constexpr const char* kRecordingFolder = "/var/lib/pipetrace";
inline constexpr const char* kDefaultRecording = "/var/lib/pipetrace/recording.db";
/// A name of its own: a recording made by hand beside it disturbs no monitor.
inline constexpr const char* kServeRecording = "/var/lib/pipetrace/serve.db";

/// What is known of a process is recorded again with its next incident after that time: what is older by
/// twice that may be deleted, and every incident kept still has it.
inline constexpr std::uint64_t kProcessToldAgainNs = 300'000'000'000;

/// Some of a trace's records, in the order in which the kernel handed them over.
struct Segment {
    std::int64_t trace_id = 0;
    Ktime first;  ///< the earliest and the latest time of its records
    Ktime last;
    /// When the losses were read, after all its records. Segments of one look came by one drain of the
    /// kernel's buffer: what is lost by then can have been lost before any of their records.
    Ktime looked;
    std::uint32_t record_count = 0;
    ClockOffsets clocks;             ///< at that time: the wall clock may have been set since
    LossCounts losses;               ///< since the trace began
    std::vector<std::byte> records;  ///< one after the other, each with its pt_header first
};

/// When a record was made; not known where the bytes are none.
Ktime record_time(std::span<const std::byte> record);

/// Hands over each record of a segment. An error where the bytes are no whole records, or not as many as it
/// says; what came before that has been handed over by then.
Status for_each_record(const Segment& segment, const std::function<void(std::span<const std::byte>)>& sink);

}  // namespace pipetrace
