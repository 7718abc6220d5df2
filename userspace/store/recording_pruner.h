// Keeps a recording within its limits: what is oldest goes first, segments and the incidents of their time
// alike.
#pragma once

#include "model/ktime.h"
#include "model/recording_limits.h"
#include "model/result.h"
#include "store/database.h"

#include <cstdint>
#include <string>

namespace pipetrace {

/// Outside of transactions, all of it.
class RecordingPruner {
public:
    RecordingPruner(Database& database, RecordingLimits limits);

    /// From now on; a recording that is too large for them loses what is oldest.
    Status set_limits(RecordingLimits limits);

    /// What one transaction may write, so that the WAL stays within its share of the limit.
    std::uint64_t batch_bytes_max() const { return batch_bytes_max_; }
    static std::uint64_t batch_bytes_max(RecordingLimits limits);

    /// Makes room for a transaction that writes `bytes`. False: there is none. While somebody reads the
    /// recording, its WAL cannot be reused, and takes what is left of the limit.
    Result<bool> make_room(std::uint64_t bytes);
    /// Whether that was why there was none.
    bool is_wal_held() const { return is_wal_held_; }
    /// Deletes what is older than the limit, and gives back space that is no longer used. To be called now
    /// and then.
    Status expire(WallTime now);

private:
    struct Oldest {
        std::int64_t last_row = 0;  ///< 0: none
        std::int64_t trace_id = 0;
        Ktime last;
    };
    struct Pages {
        std::int64_t all = 0;
        std::int64_t unused = 0;
    };
    Result<Pages> count_pages();
    /// The first segments, up to so many bytes, or those that ended before.
    Result<Oldest> oldest_segments(std::uint64_t bytes, WallTime before);
    Status delete_segments(const Oldest& oldest);
    Result<bool> delete_other_rows();
    Result<bool> delete_oldest(std::uint64_t bytes);
    Status delete_unused_traces();
    Result<bool> give_back();
    enum class Fit : std::uint8_t { kFits, kOnceGivenBack, kTooMuch };
    Result<Fit> fit(std::uint64_t bytes);
    /// Whether the WAL holds so little now that a transaction more is within its share: if not, it is held.
    Result<bool> empty_wal();

    Database& database_;
    RecordingLimits limits_;
    std::uint64_t batch_bytes_max_;
    std::uint64_t wal_bytes_max_;  ///< unless it is held
    bool is_wal_held_ = false;
};

}  // namespace pipetrace
