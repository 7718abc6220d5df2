// RSTs that this host sent in the last seconds, by the addresses they carried: who receives one finds it
// here. Bounded by age, and by number with counted evictions.
#pragma once

#include "correlate/connection_table.h"
#include "model/event.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory_resource>
#include <unordered_map>
#include <utility>

namespace pipetrace {

/// How long after it left a RST can still be what somebody receives.
inline constexpr std::uint64_t kResetTravelNsMax = 3'000'000'000;
/// How long after it left one that was received is still asked for.
inline constexpr std::uint64_t kResetReceivedNsMax = 100'000'000;
/// An abort's record can be younger than what it did: tp tcp_send_reset fires after the RST has left.
inline constexpr std::uint64_t kAbortRecordLagNs = 50'000'000;

class SentResets {
public:
    using OnEvicted = std::function<void(const AddressPair& from_to)>;
    explicit SentResets(std::size_t resets_max,
                        std::pmr::memory_resource* memory = std::pmr::get_default_resource(),
                        OnEvicted on_evicted = {})
        : resets_max_(resets_max),
          on_evicted_(std::move(on_evicted)),
          by_addresses_(memory),
          oldest_first_(memory),
          received_first_(memory) {}

    void add(SentReset sent);
    /// What `receiver`, if it was opened then, got at that time; null if this host sent it none.
    SentReset find(const Endpoint& receiver, Ktime received_at, Ktime opened = {});
    /// `sent` has found its receiver without find().
    void received(const SentReset& sent);
    /// Those that nobody can receive any more. One that has its receiver goes sooner: only the records of
    /// that very moment still ask for it.
    void forget_old(Ktime now);

    std::size_t size() const { return by_addresses_.size(); }
    /// Forgotten for want of room before anybody had received them.
    std::uint64_t evicted() const { return evicted_; }

private:
    /// Loopback addresses mean something only in their network namespace; of others netns is 0.
    struct Key {
        AddressPair from_to;
        std::uint32_t netns = 0;
        bool operator==(const Key&) const = default;
    };
    struct KeyHash {
        std::size_t operator()(const Key& key) const { return AddressPairHash{}(key.from_to) + key.netns; }
    };
    struct Kept {
        SentReset abort;
        SentReset answer;
        bool received = false;  ///< the latest of them
    };
    static Key key_of(const Address& from, const Address& to, std::uint32_t netns);
    using Line = std::pmr::deque<std::pair<Ktime, Key>>;
    void note_received(const Key& key, Kept& kept);
    bool forget_first(Line& line);  ///< false where another had taken its place, or it had been received

    std::size_t resets_max_;
    OnEvicted on_evicted_;
    std::pmr::unordered_map<Key, Kept, KeyHash> by_addresses_;
    Line oldest_first_;    ///< of each insertion, also where another took its place
    Line received_first_;  ///< the same of those that were received, by when they were sent
    std::uint64_t evicted_ = 0;
};

}  // namespace pipetrace
