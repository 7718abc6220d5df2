// What is known of each endpoint that failed, and of the other end where it is on this host.
// Bounded: one that came long ago and was not touched since goes first, and is counted.
#pragma once

#include "correlate/address_pair.h"
#include "model/event.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <memory_resource>
#include <optional>
#include <unordered_map>
#include <utility>

namespace pipetrace {

template <typename Body>
struct Stamped {
    Ktime at;
    Task task;
    Body body;
};

using SentReset = std::shared_ptr<const Stamped<ResetSent>>;

/// One endpoint's part of a story.
struct Connection {
    Endpoint endpoint;
    std::optional<EndpointRemembered> remembered;
    std::optional<Stamped<ResetReceived>> reset;
    bool reset_in_doubt = false;  ///< tcp_reset() may have run without a RST (see correlator)
    SentReset peer_reset;         ///< that RST as it left, if this host sent it
    SentReset late_answer;        ///< our RST to a segment that the peer sent after its own
    SentReset reset_sent;
    std::optional<Stamped<ErrorRaised>> error;  ///< the first that the network raised
    bool error_taken = false;                   ///< a call was seen to report it
    bool aborted_here = false;                  ///< its own process threw it away
    std::optional<PacketFiltered> filtered;     ///< what a filter of this host kept from its peer
    Closure closure;
    bool destroyed = false;
    Ktime destroyed_at;
    Task destroyed_by;  ///< unknown where no program held it at its end
    int error_at_destroy = 0;
    bool told = false;  ///< some process has, or had, an incident about it
};

class ConnectionTable {
public:
    using OnEvicted = std::function<void(const Endpoint&)>;
    explicit ConnectionTable(std::size_t connections_max,
                             std::pmr::memory_resource* memory = std::pmr::get_default_resource(),
                             OnEvicted on_evicted = {})
        : connections_max_(connections_max),
          on_evicted_(std::move(on_evicted)),
          by_id_(memory),
          newest_(memory),
          oldest_first_(memory) {}

    /// The endpoint's entry, made if new. References stay valid until the next call of touch().
    Connection& touch(const Endpoint& endpoint);
    Connection* find(std::uint64_t id);
    const Connection* find(std::uint64_t id) const;

    /// The other end of a TCP endpoint, if it is on this host: mirrored addresses; loopback
    /// addresses only in the same network namespace. Of several, the latest that can have lived with it.
    const Connection* find_peer(const Endpoint& endpoint) const { return mirror_of(endpoint); }
    Connection* find_peer(const Endpoint& endpoint) { return mirror_of(endpoint); }
    /// The endpoint with these very addresses.
    Connection* find_same(const Endpoint& addresses);

    /// A RST that it sent, and that an earlier connection with the same addresses was taken to have received.
    void disown_reset(const Connection& sender);

    void erase(std::uint64_t id);
    std::size_t size() const { return by_id_.size(); }
    std::uint64_t evicted() const { return evicted_; }

    template <typename Visit>
    void for_each(Visit visit) {
        for (auto& [id, node] : by_id_) visit(node.connection);
    }

private:
    struct Node {
        Connection connection;
        std::pmr::list<std::uint64_t>::iterator age;
        Node* earlier = nullptr;  ///< the one before it with the same addresses
        bool touched = false;     ///< since it was last put at the end of the line
    };

    Connection* mirror_of(const Endpoint& endpoint) const;
    void index(Node& node);
    void drop_from_index(const Node& node);
    void evict();
    /// Of those with `addresses`, the one that came last.
    Node* newest_with(const AddressPair& addresses) const;

    std::size_t connections_max_;
    OnEvicted on_evicted_;
    std::pmr::unordered_map<std::uint64_t, Node> by_id_;
    std::pmr::unordered_map<AddressPair, Node*, AddressPairHash> newest_;
    std::pmr::list<std::uint64_t> oldest_first_;  ///< as they came; those touched since have a second chance
    std::uint64_t evicted_ = 0;
};

/// The state that the error, which there must be, ended it in. From 6.12 tcp_done_with_error() enters CLOSE
/// before it reports the error, so the report's own state says nothing.
TcpState state_at_error(const Connection& connection);

/// ::1 or 127.0.0.0/8, v4-mapped.
bool is_loopback(const Address& address);

/// Addresses recur: whether the two cannot have been one connection's ends, whatever their addresses. The end
/// that connects opens it before the end that accepts does.
bool are_of_two_connections(const Connection& a, const Connection& b);

/// tcp_reset() on a half-closed socket whose owner will read no more may be the kernel's answer to
/// data, with no RST received (tcp_rcv_state_process, 5.10 to 7.2); a packet would have told.
bool is_reset_in_doubt(const ResetReceived& reset);

}  // namespace pipetrace
