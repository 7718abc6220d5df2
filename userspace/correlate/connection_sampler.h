// Which connections are told in full and which are only counted, while load is shed: by a hash of the
// connection, the same for both of its ends, decided at its first event and kept until it is over. So no
// story is told by halves. What belongs to no connection is for both. Pure. Bounded; decisions given up for
// want of room are counted.
#pragma once

#include "correlate/address_pair.h"
#include "correlate/node_pool.h"
#include "model/event.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory_resource>
#include <unordered_map>
#include <utility>

namespace pipetrace {

class ConnectionSampler {
public:
    /// An end whose decision was given up: what comes of it later may be decided otherwise.
    using OnEvicted = std::function<void(const Endpoint&, Ktime)>;

    /// `secret`: what makes the choice, so that nobody outside can foresee it.
    explicit ConnectionSampler(std::uint64_t secret, std::size_t ends_max = 65536, OnEvicted on_evicted = {})
        : secret_(secret), ends_max_(ends_max), on_evicted_(std::move(on_evicted)) {}

    /// Of the connections that come from now on, the share that is told: 0 to 1.
    void set_share(double share);
    double share() const { return share_; }

    /// Whether the event's connection is told. Events must come in the order of arrival.
    bool is_told(const Event& event);

    /// Forgets what is over by then.
    void advance_to(Ktime now) {
        forget_ended(now);
        forget_announced(now);
        forget_silent(now);
    }

    std::size_t size() const { return by_id_.size() + by_addresses_.size(); }
    std::uint64_t evicted() const { return evicted_; }
    void trim() { pool_.trim(); }

private:
    /// Loopback addresses mean something only in their network namespace; of others netns is 0.
    struct Key {
        AddressPair sorted;
        std::uint32_t netns = 0;
        bool operator==(const Key&) const = default;
    };
    struct KeyHash {
        std::size_t operator()(const Key& key) const { return AddressPairHash{}(key.sorted) + key.netns; }
    };
    struct End {
        bool told = true;
        bool touched = false;  ///< since it was last put at the end of the line
        bool ended = false;
        std::uint8_t side = 0;     ///< of its pair
        std::uint64_t number = 0;  ///< numbers of pipes recur
        Key key;                   ///< of its pair; zero where it has none
    };
    /// The latest connection with these addresses: its end with the lower address, and the higher.
    struct Pair {
        struct Side {
            std::uint64_t id = 0;  ///< 0: not met, or forgotten since
            Ktime met;
            Ktime ended;
        };
        bool told = true;
        std::array<Side, 2> sides;
        Ktime announced;  ///< by a RST that no socket sent: its receiver is in the same story
    };
    struct Place {
        Ktime since;
        std::uint64_t id = 0;
        std::uint64_t number = 0;
    };

    using Ends = std::pmr::unordered_map<std::uint64_t, End>;

    static std::uint8_t side_of(const Endpoint& endpoint) { return endpoint.remote < endpoint.local ? 1 : 0; }
    static Key key_of(const Endpoint& endpoint);
    bool is_chosen(const Key& key) const;
    bool is_chosen(std::uint64_t id) const;
    bool decide(const Endpoint& endpoint, Ktime at);
    bool decide_pair(End& end, const Endpoint& endpoint, Ktime at);
    bool is_told_without_socket(const Endpoint& endpoint, bool answers_syn, Ktime at);
    void note_ended(std::uint64_t id, Ktime at);
    void forget_ended(Ktime now);
    void forget_announced(Ktime now);
    void forget_silent(Ktime now);
    void drop_stale(std::deque<Place>& line);
    /// The end where another has that id by now.
    Ends::iterator find(const Place& place);
    void forget(Ends::iterator end);
    void make_room(Ktime now);

    std::uint64_t secret_;
    std::size_t ends_max_;
    OnEvicted on_evicted_;
    double share_ = 1;
    std::uint64_t threshold_ = UINT64_MAX;
    std::uint64_t numbers_ = 0;
    std::uint64_t evicted_ = 0;
    NodePool pool_;  // before the tables that take their memory from it
    Ends by_id_{&pool_};
    std::pmr::unordered_map<Key, Pair, KeyHash> by_addresses_{&pool_};
    std::deque<Place> by_age_;         ///< ends, as they came; those gone since among them
    std::deque<Place> unending_;       ///< of them, pipes and unix sockets: no record tells of their end
    std::deque<Place> ended_told_;     ///< to be forgotten
    std::deque<Place> ended_counted_;  ///< the same, sooner
    std::deque<std::pair<Ktime, Key>> announced_;
};

}  // namespace pipetrace
