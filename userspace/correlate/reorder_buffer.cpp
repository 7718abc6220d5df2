#include "correlate/reorder_buffer.h"

#include <algorithm>

namespace pipetrace {

void ReorderBuffer::push(const Event& event) {
    auto position = events_.end();
    const auto begin = events_.begin() + static_cast<std::ptrdiff_t>(first_);
    while (position != begin && (position - 1)->at > event.at) --position;
    for (auto same = position; same != begin && (same - 1)->at == event.at; --same) {
        if (*(same - 1) == event) return;
    }
    events_.insert(position, event);
}

const Event* ReorderBuffer::pop(Ktime watermark) {
    if (size() == 0 || events_[first_].at > watermark) {
        drop_popped();
        return nullptr;
    }
    return &events_[first_++];
}

void ReorderBuffer::trim() {
    events_.erase(events_.begin(), events_.begin() + static_cast<std::ptrdiff_t>(first_));
    events_.shrink_to_fit();
    first_ = 0;
}

/// Keeps the capacity; moves the few events that wait only when the dead part has grown.
void ReorderBuffer::drop_popped() {
    if (first_ == 0 || first_ < events_.size() / 2) return;
    events_.erase(events_.begin(), events_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
}

}  // namespace pipetrace
