// All open failures, found by endpoint, by process and by age: none of the ways scans the others.
#pragma once

#include "correlate/failure.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory_resource>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

namespace pipetrace {

/// Endpoint and process: all that one process is told about one endpoint is one failure.
using FailureKey = std::pair<std::uint64_t, Tgid>;
using FailureKeys = std::pmr::vector<FailureKey>;

class FailureTable {
public:
    explicit FailureTable(std::pmr::memory_resource* memory = std::pmr::get_default_resource(),
                          std::size_t awaited_max = 65536)
        : memory_(memory),
          awaited_max_(awaited_max),
          by_endpoint_(memory),
          by_process_(memory),
          by_age_(memory),
          awaited_(memory) {}

    Failure* find(const FailureKey& key);
    /// Null where none is open.
    Failure* oldest();

    /// The key must not be open. References stay valid until it is erased.
    Failure& open(const FailureKey& key, Ktime at);
    void erase(const FailureKey& key);
    void clear();
    std::size_t size() const { return by_endpoint_.size(); }

    template <typename Visit>
    void for_each(Visit visit) const {
        for (const auto& [key, failure] : by_endpoint_) visit(key, failure);
    }
    FailureKeys of_endpoint(std::uint64_t id) const;
    FailureKeys of_process(Tgid tgid) const;
    FailureKeys by_age() const;

    /// Remembers where the thread's latest SIGPIPE belongs, for its delivery. Returns those whose own is no
    /// longer waited for, for want of room.
    FailureKeys await_delivery(Tid tid, const FailureKey& key);
    /// Null where none of the thread's waits; asking forgets it.
    Failure* take_awaited(Tid tid);
    std::size_t awaited() const { return awaited_.size(); }
    /// Deliveries no longer waited for, for want of room.
    std::uint64_t evicted() const { return evicted_; }

private:
    FailureKeys make_room();

    std::pmr::memory_resource* memory_;
    std::size_t awaited_max_;
    std::pmr::map<FailureKey, Failure> by_endpoint_;
    std::pmr::set<std::pair<Tgid, std::uint64_t>> by_process_;
    std::pmr::set<std::pair<Ktime, FailureKey>> by_age_;
    std::pmr::unordered_map<Tid, FailureKey> awaited_;
    std::uint64_t evicted_ = 0;
};

}  // namespace pipetrace
