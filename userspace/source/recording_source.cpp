#include "source/recording_source.h"

#include <utility>

namespace pipetrace {

Result<bool> RecordingSource::advance() {
    auto found = cursor_.next(segment_);
    if (!found) return found.error();
    ended_ = !*found;
    is_ready_ = *found;
    return *found;
}

std::size_t RecordingSource::drain(const RecordSink& sink) {
    if (!std::exchange(is_ready_, false)) return 0;
    std::size_t count = 0;
    damage_ = for_each_record(segment_, [&](std::span<const std::byte> record) {
        sink(record);
        ++count;
    });
    records_read_ += count;
    return count;
}

}  // namespace pipetrace
