// All open failures, found by endpoint, by process and by age: none of the ways scans the others.
#pragma once

#include "correlate/failure.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

namespace pipetrace {

/// Endpoint and process: all that one process is told about one endpoint is one failure.
using FailureKey = std::pair<std::uint64_t, Tgid>;

class FailureTable {
public:
    explicit FailureTable(std::size_t awaited_max = 65536) : awaited_max_(awaited_max) {}

    Failure* find(const FailureKey& key);
    /// Null where none is open.
    Failure* oldest();

    /// The key must not be open. References stay valid until it is erased.
    Failure& open(const FailureKey& key, Ktime at);
    void erase(const FailureKey& key);
    void clear();
    std::size_t size() const { return by_endpoint_.size(); }

    std::vector<FailureKey> of_endpoint(std::uint64_t id) const;
    std::vector<FailureKey> of_process(Tgid tgid) const;
    std::vector<FailureKey> by_age() const;

    /// Remembers where the thread's latest SIGPIPE belongs, for its delivery.
    void await_delivery(Tid tid, const FailureKey& key);
    /// Null where none of the thread's waits; asking forgets it.
    Failure* take_awaited(Tid tid);
    std::size_t awaited() const { return awaited_.size(); }
    /// Deliveries no longer waited for, for want of room.
    std::uint64_t evicted() const { return evicted_; }

private:
    void make_room();

    std::size_t awaited_max_;
    std::map<FailureKey, Failure> by_endpoint_;
    std::set<std::pair<Tgid, std::uint64_t>> by_process_;
    std::set<std::pair<Ktime, FailureKey>> by_age_;
    std::unordered_map<Tid, FailureKey> awaited_;
    std::uint64_t evicted_ = 0;
};

}  // namespace pipetrace
