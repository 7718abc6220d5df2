#include "correlate/connection_sampler.h"

#include "correlate/connection_table.h"
#include "correlate/mixed_bits.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>
#include <variant>

namespace pipetrace {
namespace {

/// As long as the correlator holds an end of a told story, and what is still to be put in order.
constexpr std::uint64_t kHoldToldNs = 250'000'000;
/// A record of an abort can be so much younger than what it did.
constexpr std::uint64_t kHoldCountedNs = 60'000'000;
/// A RST that left is received so much later at most.
constexpr std::uint64_t kTravelNs = 3'000'000'000;
/// What has not failed for so long on a pipe is over, or is decided anew.
constexpr std::uint64_t kSilentNs = 60'000'000'000;
constexpr std::uint8_t kSyn = 0x02;

bool has_addresses(const Endpoint& endpoint) {
    return endpoint.kind == EndpointKind::kTcp && endpoint.remote.port != 0;
}

const Endpoint* endpoint_of(const Event& event) {
    return std::visit(
        [](const auto& body) -> const Endpoint* {
            if constexpr (requires { body.endpoint; }) return &body.endpoint;
            return nullptr;
        },
        event.body);
}

}  // namespace

void ConnectionSampler::set_share(double share) {
    share_ = std::clamp(share, 0.0, 1.0);
    // 2^64 is no double below which all hashes are.
    threshold_ = share_ >= 1 ? UINT64_MAX : static_cast<std::uint64_t>(std::ldexp(share_, 64));
}

bool ConnectionSampler::is_chosen(std::uint64_t id) const { return mixed_bits(secret_ ^ id) <= threshold_; }

/// A connection whose two ends are in two namespaces has one key; its hash is the same for both.
bool ConnectionSampler::is_chosen(const Key& key) const {
    std::uint64_t hash = secret_ ^ (std::uint64_t{key.netns} << 32 |
                                    std::uint64_t{key.sorted.first.port} << 16 | key.sorted.second.port);
    for (const Address* address : {&key.sorted.first, &key.sorted.second}) {
        std::uint64_t words[2];
        static_assert(sizeof(words) == sizeof(address->ip));
        std::memcpy(words, address->ip.data(), sizeof(words));
        for (const std::uint64_t word : words) hash = mixed_bits(hash ^ word);
    }
    return hash <= threshold_;
}

bool ConnectionSampler::is_told(const Event& event) {
    const Endpoint* endpoint = endpoint_of(event);
    if (endpoint == nullptr) return true;
    forget_ended(event.at);
    if (endpoint->id == 0) {
        const auto* sent = std::get_if<ResetSent>(&event.body);
        return sent == nullptr ||
               is_told_without_socket(*endpoint, (sent->provoking_flags & kSyn) != 0, event.at);
    }
    const bool is_end = std::holds_alternative<EndpointDestroyed>(event.body);
    const auto found = by_id_.find(endpoint->id);
    if (found != by_id_.end()) {
        found->second.touched = true;
        if (is_end) note_ended(endpoint->id, event.at);
        return found->second.told;
    }
    // Of an end that nobody has met there is nothing to end or to count on.
    if (is_end || std::holds_alternative<FailuresCounted>(event.body)) return true;
    return decide(*endpoint, event.at);
}

/// One that refuses a connection begins a story. Another belongs to the latest one, or to one whose ends were
/// not met yet.
bool ConnectionSampler::is_told_without_socket(const Endpoint& endpoint, bool answers_syn, Ktime at) {
    forget_announced(at);
    const Key key = key_of(endpoint);
    const auto [pair, is_new] = by_addresses_.try_emplace(key);
    const auto is_live = [](const Pair::Side& side) { return side.id != 0 && !side.ended.known(); };
    const bool is_over = !is_live(pair->second.sides[0]) && !is_live(pair->second.sides[1]);
    if (is_new || (answers_syn && is_over)) {
        pair->second = Pair{};
        pair->second.told = is_chosen(key);
    }
    pair->second.announced = at;
    announced_.emplace_back(at, key);
    return pair->second.told;
}

/// Those whose receiver did not come; a pair whose ends are there goes with them. Where too many wait, the
/// oldest go: the hash speaks for them.
void ConnectionSampler::forget_announced(Ktime now) {
    while (!announced_.empty()) {
        const auto& [at, key] = announced_.front();
        if (at + kTravelNs > now && announced_.size() <= ends_max_ / 4) return;
        const auto pair = by_addresses_.find(key);
        if (pair != by_addresses_.end() && pair->second.announced == at) {
            pair->second.announced = {};
            if (pair->second.sides[0].id == 0 && pair->second.sides[1].id == 0) by_addresses_.erase(pair);
        }
        announced_.pop_front();
    }
}

ConnectionSampler::Key ConnectionSampler::key_of(const Endpoint& endpoint) {
    Key key{sorted_pair(endpoint), 0};
    if (is_loopback(endpoint.local) || is_loopback(endpoint.remote)) key.netns = endpoint.netns;
    return key;
}

bool ConnectionSampler::decide(const Endpoint& endpoint, Ktime at) {
    if (by_id_.size() >= ends_max_) make_room(at);
    End end;
    end.number = ++numbers_;
    end.told = has_addresses(endpoint) ? decide_pair(end, endpoint, at) : is_chosen(endpoint.id);
    by_id_.emplace(endpoint.id, end);
    by_age_.push_back({at, endpoint.id, end.number});
    if (endpoint.kind != EndpointKind::kTcp) unending_.push_back(by_age_.back());
    return end.told;
}

/// Addresses recur: an end joins the connection whose other end has been met, unless that one's own end was
/// another, or it is over.
bool ConnectionSampler::decide_pair(End& end, const Endpoint& endpoint, Ktime at) {
    end.key = key_of(endpoint);
    end.side = side_of(endpoint);
    const auto [found, is_new] = by_addresses_.try_emplace(end.key);
    Pair& pair = found->second;
    Pair::Side& own = pair.sides[end.side];
    Pair::Side& other = pair.sides[1 - end.side];
    const bool is_free = own.id == 0 && !own.ended.known();
    const bool other_is_over = other.ended.known() && other.ended + kHoldCountedNs < at;
    const bool other_is_later = own.ended.known() && other.met > own.ended;
    const bool joins = other.id != 0 && !other_is_over && (is_free || other_is_later);
    const bool is_announced = pair.announced.known() && at <= pair.announced + kTravelNs &&
                              (is_free || (own.ended.known() && own.ended <= pair.announced));
    if (!joins && !is_announced) pair.told = is_chosen(end.key);
    if (!joins) other = {};
    own = {endpoint.id, at, {}};
    return pair.told;
}

void ConnectionSampler::note_ended(std::uint64_t id, Ktime at) {
    End& end = by_id_.find(id)->second;
    if (end.ended) return;
    end.ended = true;
    const auto pair = by_addresses_.find(end.key);
    if (pair != by_addresses_.end() && pair->second.sides[end.side].id == id)
        pair->second.sides[end.side].ended = at;
    (end.told ? ended_told_ : ended_counted_).push_back({at, id, end.number});
}

void ConnectionSampler::forget_ended(Ktime now) {
    const auto forget_from = [&](std::deque<Place>& ended, std::uint64_t hold_ns) {
        while (!ended.empty() && ended.front().since + hold_ns <= now) {
            if (const auto found = find(ended.front()); found != by_id_.end()) forget(found);
            ended.pop_front();
        }
    };
    forget_from(ended_told_, kHoldToldNs);
    forget_from(ended_counted_, kHoldCountedNs);
}

ConnectionSampler::Ends::iterator ConnectionSampler::find(const Place& place) {
    const auto found = by_id_.find(place.id);
    return found != by_id_.end() && found->second.number == place.number ? found : by_id_.end();
}

void ConnectionSampler::forget(Ends::iterator end) {
    const auto pair = by_addresses_.find(end->second.key);
    if (pair != by_addresses_.end()) {
        Pair::Side& own = pair->second.sides[end->second.side];
        if (own.id == end->first) own.id = 0;
        const bool is_empty = pair->second.sides[0].id == 0 && pair->second.sides[1].id == 0;
        if (is_empty && !pair->second.announced.known()) by_addresses_.erase(pair);
    }
    by_id_.erase(end);
    drop_stale(by_age_);
    drop_stale(unending_);
}

void ConnectionSampler::drop_stale(std::deque<Place>& line) {
    if (line.size() <= 2 * ends_max_ + 64) return;
    std::erase_if(line, [this](const Place& place) { return find(place) == by_id_.end(); });
}

void ConnectionSampler::forget_silent(Ktime now) {
    while (!unending_.empty() && unending_.front().since + kSilentNs <= now) {
        const Place place = unending_.front();
        unending_.pop_front();
        const auto found = find(place);
        if (found == by_id_.end()) continue;
        if (std::exchange(found->second.touched, false)) {
            unending_.push_back({now, place.id, place.number});
        } else {
            forget(found);
        }
    }
}

/// One that was asked for since has a second chance.
void ConnectionSampler::make_room(Ktime now) {
    while (!by_age_.empty()) {
        const Place place = by_age_.front();
        by_age_.pop_front();
        const auto found = find(place);
        if (found == by_id_.end()) continue;
        if (std::exchange(found->second.touched, false)) {
            by_age_.push_back(place);
            continue;
        }
        if (!found->second.ended) {
            ++evicted_;
            Endpoint given_up;
            given_up.id = place.id;
            given_up.local = found->second.key.sorted.first;
            given_up.remote = found->second.key.sorted.second;
            if (on_evicted_) on_evicted_(given_up, now);
        }
        forget(found);
        return;
    }
}

}  // namespace pipetrace
