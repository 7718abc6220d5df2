// RSTs that this host sent to somebody who, as far as is known, is not on it: who held or closed the end that
// each came from, and how often it came. Pure. Bounded by age, and by number with counted evictions.
#pragma once

#include "correlate/connection_table.h"
#include "model/event.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <optional>
#include <utility>

namespace pipetrace {

/// One end whose RST somebody else will meet.
struct Origin {
    Connection connection;  ///< that end; `reset_sent` is the first RST
    Ktime last_at;
    std::uint64_t count = 1;
    std::uint64_t lost_before = 0;  ///< events lost when the first left
    bool told_elsewhere = false;    ///< by the incident of its receiver here, or of this end's own failure
    bool cut_short = false;         ///< for want of room: something may have come that is not in it
    bool printed = false;
    bool changed = false;  ///< since it was printed
    std::uint32_t revision = 0;
};

class OriginTable {
public:
    /// Told before it is forgotten.
    using Visit = std::function<void(Origin&)>;

    OriginTable(std::size_t origins_max, Visit on_forgotten)
        : origins_max_(origins_max), on_forgotten_(std::move(on_forgotten)) {}

    /// A repeat raises the count of the one that is known.
    Origin& add(const SentReset& sent);
    /// The end with these addresses; null where none of its RSTs is known.
    Origin* find(const Endpoint& endpoint);
    /// The ends, in any network namespace, whose RSTs `receiver` gets.
    void tell_elsewhere_to(const Endpoint& receiver);

    /// Calls `visit` once for each that was first sent at or before that time.
    void visit_due(Ktime first_sent_until, const Visit& visit);
    void forget_before(Ktime last_sent_before);
    void forget_all() { forget_before(Ktime{UINT64_MAX}); }

    std::size_t size() const { return by_addresses_.size(); }
    std::uint64_t evicted() const { return evicted_; }

private:
    struct Key {
        Address local;
        Address remote;
        std::uint32_t netns = 0;
        auto operator<=>(const Key&) const = default;
    };
    struct Node {
        Origin origin;
        std::list<Key>::iterator age;
        std::optional<std::list<Key>::iterator> due;  ///< until it was visited
    };
    static Key key_of(const Endpoint& endpoint) { return {endpoint.local, endpoint.remote, endpoint.netns}; }
    void forget(std::map<Key, Node>::iterator node);

    std::size_t origins_max_;
    Visit on_forgotten_;
    std::map<Key, Node> by_addresses_;
    std::list<Key> oldest_first_;  ///< by the last RST
    std::list<Key> due_;           ///< by the first
    std::uint64_t evicted_ = 0;
};

}  // namespace pipetrace
