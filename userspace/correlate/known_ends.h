// What was seen of the other ends of pipes and unix sockets, by the id of the end that failed. Bounded: the
// oldest goes first, and is counted.
#pragma once

#include "model/event.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <unordered_map>
#include <utility>

namespace pipetrace {

struct KnownEnds {
    std::optional<OtherEndSeen> other;
    std::optional<UnixNamed> names;
    Ktime seen_at;  ///< the latest of them
};

class KnownEndTable {
public:
    using OnEvicted = std::function<void(std::uint64_t id)>;
    explicit KnownEndTable(std::size_t ends_max, OnEvicted on_evicted = {})
        : ends_max_(ends_max), on_evicted_(std::move(on_evicted)) {}

    /// The end's entry, made if new. Valid until the next call.
    KnownEnds& touch(std::uint64_t id);
    /// Null where nothing is known.
    const KnownEnds* find(std::uint64_t id) const;
    /// The end is gone; its number may be given to another.
    void erase(std::uint64_t id);

    std::size_t size() const { return by_id_.size(); }
    std::uint64_t evicted() const { return evicted_; }

private:
    struct Node {
        KnownEnds ends;
        std::list<std::uint64_t>::iterator age;
    };

    std::size_t ends_max_;
    OnEvicted on_evicted_;
    std::unordered_map<std::uint64_t, Node> by_id_;
    std::list<std::uint64_t> oldest_first_;
    std::uint64_t evicted_ = 0;
};

}  // namespace pipetrace
