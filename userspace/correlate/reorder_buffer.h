// Puts events of several CPUs into the order of their ktime. Events of one ring arrive nearly
// sorted, so each is inserted from the back; steady state allocates nothing.
#pragma once

#include "model/event.h"

#include <cstddef>
#include <vector>

namespace pipetrace {

class ReorderBuffer {
public:
    /// A record that came before, as recordings that overlap hold it twice, is not taken again.
    void push(const Event& event);

    /// The oldest event if it is not newer than the watermark. Equal times keep arrival order.
    /// Null if it is, or if there is none; else valid until the next call of push() or pop().
    const Event* pop(Ktime watermark);

    std::size_t size() const { return events_.size() - first_; }
    /// Gives back the room of what waited in a storm.
    void trim();

private:
    void drop_popped();

    std::vector<Event> events_;  ///< sorted from first_ on; before it, already popped
    std::size_t first_ = 0;
};

}  // namespace pipetrace
