// Which RST that one host sent is the one that another received. Addresses and ports recur, on one host after
// the other and on several at once: where more than one could be it, none is taken.
#pragma once

#include "merge/clock_estimate.h"
#include "merge/reset_end.h"

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <utility>
#include <vector>

namespace pipetrace {

/// Two hosts' numbers, the smaller first; their clocks' offset is the first's less the second's.
using HostPair = std::pair<std::uint32_t, std::uint32_t>;

class EndPairs {
public:
    /// Whether that host was seen to use the address, whatever the port, as its own.
    using Owns = std::function<bool(std::uint32_t host, const Address& address)>;

    /// `ends` must outlive it. `are_exact`: their addresses, so that they tell hosts apart.
    EndPairs(std::vector<ResetEnd>& ends, std::uint32_t host_count, bool are_exact, Owns owns);

    /// Sets partner, is_sure and fate of each end. To be called once.
    void match();

    const std::map<HostPair, ClockEstimate>& clocks() const { return clocks_by_hosts_; }

    /// What to add to a time of the sender's host, to have it by the receiver's clock, so that this very RST
    /// left before it arrived.
    std::int64_t shift_of(const ResetEnd& receiver) const;

private:
    struct Pair {
        std::uint32_t receiver = 0;
        std::uint32_t sender = 0;
    };
    using Indices = std::vector<std::uint32_t>;
    using Bucket = std::span<std::uint32_t>;

    template <typename Visit>
    void for_each_bucket(Visit visit);
    void sort_by_addresses();
    void pair_by_sequence(Bucket bucket);
    bool pair_runs(Bucket receiving, Bucket sending);
    void pair_by_clock(Bucket bucket);
    void accept_by_consensus();
    void settle_fates();
    void find_translated();

    bool are_compatible(const ResetEnd& receiver, const ResetEnd& sender) const;
    bool fits_clock(const ResetEnd& receiver, const ResetEnd& sender, const ClockEstimate& clock) const;
    const ClockEstimate* clock_of(const ResetEnd& receiver, const ResetEnd& sender) const;
    ClockSample sample_of(const Pair& pair, std::size_t number) const;
    std::map<HostPair, std::vector<ClockSample>> samples_of(const std::vector<Pair>& pairs) const;
    std::uint32_t only_one(const Indices& candidates);
    bool is_no_others(const Pair& pair) const;
    void join(const Pair& pair, bool is_sure);
    void refuse(const Pair& pair, EndFate fate);

    std::vector<ResetEnd>& ends_;
    std::uint32_t host_count_;
    bool are_exact_;
    Owns owns_;
    Indices order_;  ///< those not superseded, by addresses
    std::vector<Pair> by_sequence_;
    std::vector<Pair> unproven_;
    std::vector<std::pair<std::uint32_t, std::uint32_t>>
        twins_;  ///< the same RST told twice, and the first telling
    std::map<HostPair, ClockEstimate> clocks_by_hosts_;
};

}  // namespace pipetrace
