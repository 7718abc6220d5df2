#include "source/recording_source.h"

#include <algorithm>
#include <utility>

namespace pipetrace {
namespace {

/// More than `record` makes of one drain: a file that says otherwise would fill the memory.
constexpr std::size_t kSegmentsOfADrainMax = 64;

}  // namespace

Result<bool> RecordingSource::advance() {
    if (!is_ready_ && !ended_) take_next();
    if (!damage_) return damage_.error();
    if (ended_) return false;
    now_ = next_.looked;
    return true;
}

void RecordingSource::take_next() {
    const auto found = cursor_.next(next_);
    if (!found) damage_ = found.error();
    is_ready_ = found && *found;
    ended_ = !is_ready_;
}

/// What was lost before the first record that is left befell stories that are gone; what is gone counts as one.
LossCounts RecordingSource::since_pruned(LossCounts losses) {
    if (!before_) before_ = losses;
    for (auto& [kind, count] : losses) {
        const auto earlier = before_->find(kind);
        if (earlier != before_->end()) count -= std::min(count, earlier->second);
    }
    losses["pruned"] = 1;
    return losses;
}

std::size_t RecordingSource::drain(const RecordSink& sink) {
    std::size_t count = 0;
    for (std::size_t segments = 0; is_ready_ && next_.looked == now_ && segments < kSegmentsOfADrainMax;
         ++segments) {
        clocks_ = next_.clocks;
        losses_ = is_pruned_ ? since_pruned(next_.losses) : next_.losses;
        damage_ = for_each_record(next_, [&](std::span<const std::byte> record) {
            sink(record);
            ++count;
        });
        is_ready_ = false;
        if (damage_) take_next();
    }
    records_read_ += count;
    return count;
}

}  // namespace pipetrace
