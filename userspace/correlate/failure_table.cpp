#include "correlate/failure_table.h"

namespace pipetrace {

Failure* FailureTable::find(const FailureKey& key) {
    const auto found = by_endpoint_.find(key);
    return found == by_endpoint_.end() ? nullptr : &found->second;
}

Failure* FailureTable::oldest() { return by_age_.empty() ? nullptr : find(by_age_.begin()->second); }

Failure& FailureTable::open(const FailureKey& key, Ktime at) {
    Failure& failure = by_endpoint_[key];
    failure.first_at = at;
    by_process_.insert({key.second, key.first});
    by_age_.insert({at, key});
    return failure;
}

void FailureTable::erase(const FailureKey& key) {
    const auto found = by_endpoint_.find(key);
    if (found == by_endpoint_.end()) return;
    by_process_.erase({key.second, key.first});
    by_age_.erase({found->second.first_at, key});
    by_endpoint_.erase(found);
}

void FailureTable::clear() {
    by_endpoint_.clear();
    by_process_.clear();
    by_age_.clear();
    awaited_.clear();
}

FailureKeys FailureTable::of_endpoint(std::uint64_t id) const {
    FailureKeys keys(memory_);
    for (auto entry = by_endpoint_.lower_bound({id, 0}); entry != by_endpoint_.end(); ++entry) {
        if (entry->first.first != id) break;
        keys.push_back(entry->first);
    }
    return keys;
}

FailureKeys FailureTable::of_process(Tgid tgid) const {
    FailureKeys keys(memory_);
    for (auto entry = by_process_.lower_bound({tgid, 0}); entry != by_process_.end(); ++entry) {
        if (entry->first != tgid) break;
        keys.emplace_back(entry->second, entry->first);
    }
    return keys;
}

FailureKeys FailureTable::by_age() const {
    FailureKeys keys(memory_);
    for (const auto& [at, key] : by_age_) keys.push_back(key);
    return keys;
}

FailureKeys FailureTable::await_delivery(Tid tid, const FailureKey& key) {
    FailureKeys given_up(memory_);
    if (awaited_.size() >= awaited_max_) given_up = make_room();
    awaited_.insert_or_assign(tid, key);
    return given_up;
}

/// Signals that stay blocked are never delivered.
FailureKeys FailureTable::make_room() {
    std::erase_if(awaited_, [this](const auto& waiting) { return !by_endpoint_.contains(waiting.second); });
    FailureKeys given_up(memory_);
    if (awaited_.size() < awaited_max_) return given_up;
    evicted_ += awaited_.size();
    for (const auto& [tid, key] : awaited_) given_up.push_back(key);
    awaited_.clear();
    return given_up;
}

Failure* FailureTable::take_awaited(Tid tid) {
    const auto found = awaited_.find(tid);
    if (found == awaited_.end()) return nullptr;
    const FailureKey key = found->second;
    awaited_.erase(found);
    return find(key);
}

}  // namespace pipetrace
