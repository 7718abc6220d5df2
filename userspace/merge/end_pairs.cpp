#include "merge/end_pairs.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <tuple>

namespace pipetrace {
namespace {

/// Where no round trip was measured, as of a handshake that was refused.
constexpr std::int64_t kWayUnknownNs = 200'000'000;
/// Two recordings of one host tell one RST with times so near; and two processes that share a socket.
constexpr std::uint64_t kTwinNsMax = 10'000'000;
/// Repeats of an origin are counted for so long.
constexpr std::int64_t kRepeatNsMax = 10'000'000'000;
/// Of a RST that was sent again: its number is what the other end acknowledged meanwhile.
constexpr std::uint32_t kSeqApartMax = 1U << 20;
/// With the same addresses; beyond, each would have to be compared with each.
constexpr std::size_t kAlikeMax = 512;
/// With one number.
constexpr std::ptrdiff_t kLikeMax = 64;
/// A clock known no better than this proves nothing by itself.
constexpr std::int64_t kProvingNs = 5'000'000'000;

auto addresses_of(const ResetEnd& end) { return std::tie(end.sender(), end.receiver()); }

std::int64_t apart(const ResetEnd& receiver, const ResetEnd& sender) {
    return static_cast<std::int64_t>(receiver.at.ns) - static_cast<std::int64_t>(sender.at.ns);
}

HostPair hosts_of(const ResetEnd& a, const ResetEnd& b) { return std::minmax(a.host, b.host); }

bool are_twins(const ResetEnd& a, const ResetEnd& b) {
    const std::uint64_t between = a.at < b.at ? b.at.ns - a.at.ns : a.at.ns - b.at.ns;
    const bool same_seq = !a.seq_known || !b.seq_known || a.seq == b.seq;
    return a.host == b.host && a.is_sender == b.is_sender && same_seq && between <= kTwinNsMax;
}

bool have_near_numbers(const ResetEnd& receiver, const ResetEnd& sender) {
    const std::uint32_t apart = std::min(receiver.seq - sender.seq, sender.seq - receiver.seq);
    if (sender.is_repeated && apart <= kSeqApartMax) return true;
    return apart == 0 || (receiver.may_be_one_less && receiver.seq - sender.seq == 1);
}

std::int64_t way_of(const ResetEnd& receiver, const ResetEnd& sender) {
    const std::uint32_t rtt_us = receiver.rtt_us != 0 ? receiver.rtt_us : sender.rtt_us;
    return rtt_us != 0 ? std::int64_t{rtt_us} * 1000 : kWayUnknownNs;
}

}  // namespace

EndPairs::EndPairs(std::vector<ResetEnd>& ends, std::uint32_t host_count, bool are_exact, Owns owns)
    : ends_(ends), host_count_(host_count), are_exact_(are_exact), owns_(std::move(owns)) {}

void EndPairs::match() {
    sort_by_addresses();
    for_each_bucket([this](Bucket bucket) { pair_by_sequence(bucket); });
    for (auto& [hosts, samples] : samples_of(by_sequence_)) {
        ClockEstimate& clock = clocks_by_hosts_[hosts];
        clock.estimate(std::move(samples));
        for (const ClockSample& sample : clock.samples()) {
            const Pair& pair = by_sequence_[sample.pair];
            sample.fits ? join(pair, is_no_others(pair)) : refuse(pair, EndFate::kTimeUnlike);
        }
    }
    for_each_bucket([this](Bucket bucket) { pair_by_clock(bucket); });
    accept_by_consensus();
    for (const auto& [twin, first] : twins_) {
        ends_[twin].partner = ends_[first].partner;
        ends_[twin].is_sure = ends_[first].is_sure;
        ends_[twin].fate = ends_[first].fate;
    }
    settle_fates();
}

/// Where the packet was not seen, a forged RST with the right number may have come before the end's own
/// abort.
bool EndPairs::is_no_others(const Pair& pair) const {
    return ends_[pair.receiver].flags_known || !ends_[pair.sender].is_abort;
}

void EndPairs::sort_by_addresses() {
    order_.reserve(ends_.size());
    for (std::uint32_t i = 0; i < ends_.size(); ++i) {
        if (!ends_[i].is_superseded) order_.push_back(i);
    }
    std::sort(order_.begin(), order_.end(), [&](std::uint32_t a, std::uint32_t b) {
        const auto left = addresses_of(ends_[a]);
        const auto right = addresses_of(ends_[b]);
        return left != right ? left < right : std::tie(ends_[a].seq, a) < std::tie(ends_[b].seq, b);
    });
}

/// Those that have the same two addresses, in the order of their sequence numbers.
template <typename Visit>
void EndPairs::for_each_bucket(Visit visit) {
    for (std::size_t begin = 0; begin < order_.size();) {
        std::size_t end = begin + 1;
        while (end < order_.size() && addresses_of(ends_[order_[end]]) == addresses_of(ends_[order_[begin]]))
            ++end;
        visit(Bucket(order_).subspan(begin, end - begin));
        begin = end;
    }
}

void EndPairs::pair_by_sequence(Bucket bucket) {
    Bucket one_less;  // of the run before, what found nobody
    for (std::size_t begin = 0; begin < bucket.size();) {
        std::size_t end = begin + 1;
        while (end < bucket.size() && ends_[bucket[end]].seq == ends_[bucket[begin]].seq) ++end;
        const Bucket run = bucket.subspan(begin, end - begin);
        bool is_paired = pair_runs(run, run);
        const bool is_next = !one_less.empty() && ends_[one_less.front()].seq + 1 == ends_[run.front()].seq;
        if (!is_paired && is_next) is_paired = pair_runs(run, one_less);
        one_less = is_paired ? Bucket() : run;
        begin = end;
    }
}

/// One sequence number between two addresses: one connection's, if only one sent and one received it.
bool EndPairs::pair_runs(Bucket receiving, Bucket sending) {
    Indices receivers;
    Indices senders;
    // A refused SYN's RST has the number 0.
    const auto has_number = [](const ResetEnd& end) { return end.seq_known && !end.answers_syn; };
    for (const std::uint32_t index : receiving) {
        if (has_number(ends_[index]) && !ends_[index].is_sender) receivers.push_back(index);
    }
    for (const std::uint32_t index : sending) {
        if (has_number(ends_[index]) && ends_[index].is_sender) senders.push_back(index);
    }
    if (receivers.empty() || senders.empty()) return false;
    const Pair pair{only_one(receivers), only_one(senders)};
    if (pair.receiver == kNoIndex || pair.sender == kNoIndex) return false;
    if (!are_compatible(ends_[pair.receiver], ends_[pair.sender])) return false;
    by_sequence_.push_back(pair);
    return true;
}

/// kNoIndex where they are several RSTs; else the first telling of the one.
std::uint32_t EndPairs::only_one(const Indices& candidates) {
    const std::uint32_t first = candidates.front();
    const bool is_one = std::all_of(candidates.begin(), candidates.end(), [&](std::uint32_t other) {
        return are_twins(ends_[first], ends_[other]);
    });
    if (!is_one) return kNoIndex;
    for (const std::uint32_t other : candidates) {
        if (other != first) twins_.emplace_back(other, first);
    }
    return first;
}

bool EndPairs::are_compatible(const ResetEnd& receiver, const ResetEnd& sender) const {
    if (receiver.host == sender.host || receiver.answers_syn != sender.answers_syn) return false;
    if (!sender.is_repeated && receiver.flags_known && sender.flags_known &&
        receiver.acknowledges != sender.acknowledges) {
        return false;
    }
    if (receiver.answers_syn || !receiver.seq_known || !sender.seq_known) return true;
    return have_near_numbers(receiver, sender);
}

const ClockEstimate* EndPairs::clock_of(const ResetEnd& receiver, const ResetEnd& sender) const {
    const auto found = clocks_by_hosts_.find(hosts_of(receiver, sender));
    const bool is_known = found != clocks_by_hosts_.end() && found->second.fitting_count() > 0;
    return is_known ? &found->second : nullptr;
}

bool EndPairs::fits_clock(const ResetEnd& receiver, const ResetEnd& sender,
                          const ClockEstimate& clock) const {
    const bool receiver_is_first = receiver.host < sender.host;
    const auto at = static_cast<std::int64_t>((receiver_is_first ? receiver : sender).at.ns);
    const std::int64_t offset = *clock.offset_at(at);
    const std::int64_t late = apart(receiver, sender) - (receiver_is_first ? offset : -offset);
    const std::int64_t tolerance = clock.tolerance_at(at);
    return late >= -tolerance && late <= tolerance + (sender.is_repeated ? kRepeatNsMax : 0);
}

/// What the sequence numbers left open. Each must be the only one for the other.
void EndPairs::pair_by_clock(Bucket bucket) {
    Indices receivers;
    Indices senders;
    for (const std::uint32_t index : bucket) {
        if (ends_[index].partner != kNoIndex || ends_[index].fate != EndFate::kNoResetSeen) continue;
        (ends_[index].is_sender ? senders : receivers).push_back(index);
    }
    if (receivers.empty() || senders.empty()) return;
    if (receivers.size() > kAlikeMax || senders.size() > kAlikeMax) {
        for (const std::uint32_t receiver : receivers) ends_[receiver].fate = EndFate::kManyAlike;
        return;
    }
    std::map<std::uint32_t, Indices> by_receiver;
    std::map<std::uint32_t, Indices> by_sender;
    for (const std::uint32_t receiver : receivers) {
        for (const std::uint32_t sender : senders) {
            if (!are_compatible(ends_[receiver], ends_[sender])) continue;
            const ClockEstimate* clock = clock_of(ends_[receiver], ends_[sender]);
            if (clock != nullptr && !fits_clock(ends_[receiver], ends_[sender], *clock)) {
                ends_[receiver].fate = EndFate::kTimeUnlike;
                continue;
            }
            by_receiver[receiver].push_back(sender);
            by_sender[sender].push_back(receiver);
        }
    }
    for (const auto& [receiver, candidates] : by_receiver) {
        ends_[receiver].fate = EndFate::kManyAlike;
        const Pair pair{only_one(by_sender[candidates.front()]), only_one(candidates)};
        if (pair.receiver != receiver || pair.sender == kNoIndex) continue;
        const ClockEstimate* clock = clock_of(ends_[receiver], ends_[pair.sender]);
        const bool have_numbers =
            !ends_[receiver].answers_syn && ends_[receiver].seq_known && ends_[pair.sender].seq_known;
        if (clock == nullptr && have_numbers) {
            join(pair, false);
        } else if (clock == nullptr) {
            ends_[receiver].fate = EndFate::kNotProven;
            unproven_.push_back(pair);
        } else {
            const auto at = static_cast<std::int64_t>(ends_[receiver].at.ns);
            join(pair, clock->tolerance_at(at) <= kProvingNs && is_no_others(pair));
        }
    }
}

/// Pairs that agree about the clocks prove each other. Where both hosts use an address, as private ones, none
/// does.
void EndPairs::accept_by_consensus() {
    std::erase_if(unproven_, [&](const Pair& pair) {
        const ResetEnd& receiver = ends_[pair.receiver];
        const ResetEnd& sender = ends_[pair.sender];
        return !are_exact_ || owns_(receiver.host, sender.local) || owns_(sender.host, receiver.local);
    });
    for (auto& [hosts, samples] : samples_of(unproven_)) {
        ClockEstimate& clock = clocks_by_hosts_[hosts];
        clock.estimate(std::move(samples));
        const bool is_alone = clock.samples().size() == 1;
        for (const ClockSample& sample : clock.samples()) {
            const Pair& pair = unproven_[sample.pair];
            if (!sample.fits) {
                refuse(pair, EndFate::kTimeUnlike);
            } else if (!is_alone || ends_[pair.receiver].answers_syn) {
                join(pair, !is_alone);
            }
        }
        if (is_alone) clocks_by_hosts_.erase(hosts);
    }
}

std::map<HostPair, std::vector<ClockSample>> EndPairs::samples_of(const std::vector<Pair>& pairs) const {
    std::map<HostPair, std::vector<ClockSample>> samples;
    for (std::size_t i = 0; i < pairs.size(); ++i) {
        samples[hosts_of(ends_[pairs[i].receiver], ends_[pairs[i].sender])].push_back(sample_of(pairs[i], i));
    }
    return samples;
}

ClockSample EndPairs::sample_of(const Pair& pair, std::size_t number) const {
    const ResetEnd& receiver = ends_[pair.receiver];
    const ResetEnd& sender = ends_[pair.sender];
    const bool receiver_is_first = receiver.host < sender.host;
    const ResetEnd& first = receiver_is_first ? receiver : sender;
    const ResetEnd& second = receiver_is_first ? sender : receiver;
    const std::int64_t longest = apart(receiver, sender);  // if it took no time
    // A repeat may be the one that arrived.
    const std::int64_t way = way_of(receiver, sender) + (sender.is_repeated ? kRepeatNsMax : 0);
    ClockSample sample;
    sample.at = static_cast<std::int64_t>(first.at.ns);
    sample.low = receiver_is_first ? longest - way : -longest;
    sample.high = receiver_is_first ? longest : way - longest;
    sample.wall_gap = second.wall_minus_ktime_ns - first.wall_minus_ktime_ns;
    sample.pair = number;
    return sample;
}

void EndPairs::join(const Pair& pair, bool is_sure) {
    ends_[pair.receiver].partner = pair.sender;
    ends_[pair.sender].partner = pair.receiver;
    for (const std::uint32_t index : {pair.receiver, pair.sender}) {
        ends_[index].is_sure = is_sure;
        ends_[index].fate = EndFate::kJoined;
    }
}

void EndPairs::refuse(const Pair& pair, EndFate fate) {
    ends_[pair.receiver].fate = fate;
    ends_[pair.sender].fate = fate;
}

void EndPairs::settle_fates() {
    for (const std::uint32_t index : order_) {
        ResetEnd& end = ends_[index];
        if (end.is_sender || end.fate != EndFate::kNoResetSeen) continue;
        bool is_seen = false;
        for (std::uint32_t host = 0; host < host_count_ && !is_seen; ++host) {
            is_seen = host != end.host && owns_(host, end.remote);
        }
        if (!is_seen && are_exact_) end.fate = EndFate::kAddressNotSeen;
    }
    find_translated();
}

/// Address translation leaves the sequence numbers, and one of the two addresses, as they are.
void EndPairs::find_translated() {
    Indices senders;
    for (const std::uint32_t index : order_) {
        const ResetEnd& end = ends_[index];
        if (end.is_sender && end.partner == kNoIndex && end.seq_known && end.seq != 0)
            senders.push_back(index);
    }
    const auto by_seq = [&](std::uint32_t a, std::uint32_t b) { return ends_[a].seq < ends_[b].seq; };
    std::sort(senders.begin(), senders.end(), by_seq);
    for (const std::uint32_t index : order_) {
        ResetEnd& end = ends_[index];
        if (end.is_sender || (end.fate != EndFate::kAddressNotSeen && end.fate != EndFate::kNoResetSeen))
            continue;
        const auto [first, last] = std::equal_range(senders.begin(), senders.end(), index, by_seq);
        const bool is_like_one =
            last - first <= kLikeMax && std::any_of(first, last, [&](std::uint32_t other) {
                const ResetEnd& sender = ends_[other];
                const bool has_one_address = (sender.local == end.remote) != (sender.remote == end.local);
                return sender.host != end.host && has_one_address;
            });
        if (end.seq_known && is_like_one) end.fate = EndFate::kTranslated;
    }
}

std::int64_t EndPairs::shift_of(const ResetEnd& receiver) const {
    const ResetEnd& sender = ends_[receiver.partner];
    const std::int64_t longest = apart(receiver, sender);
    const ClockEstimate* clock = clock_of(receiver, sender);
    if (clock == nullptr) return longest;
    const bool receiver_is_first = receiver.host < sender.host;
    const std::int64_t offset =
        *clock->offset_at(static_cast<std::int64_t>((receiver_is_first ? receiver : sender).at.ns));
    const std::int64_t shift = receiver_is_first ? offset : -offset;
    const bool is_later_one = sender.is_repeated && receiver.seq_known && receiver.seq != sender.seq;
    if (is_later_one) return std::min(shift, longest);
    return std::clamp(shift, longest - way_of(receiver, sender), longest);
}

}  // namespace pipetrace
