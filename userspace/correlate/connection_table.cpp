#include "correlate/connection_table.h"

#include <algorithm>
#include <array>
#include <utility>

namespace pipetrace {

bool is_loopback(const Address& address) {
    constexpr std::array<std::uint8_t, 16> kV6{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    constexpr std::array<std::uint8_t, 13> kV4{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127};
    return address.ip == kV6 || std::equal(kV4.begin(), kV4.end(), address.ip.begin());
}

namespace {

/// When the endpoint can no longer have been one end of a connection that was opened then.
Ktime given_up_at(const Connection& connection) {
    Ktime earliest;
    const auto consider = [&](Ktime at) {
        if (at.known() && (!earliest.known() || at < earliest)) earliest = at;
    };
    consider(connection.closure.at);
    consider(connection.destroyed_at);
    if (connection.reset) consider(connection.reset->at);
    if (connection.error) consider(connection.error->at);
    return earliest;
}

bool opened_after_end_of(const Connection& later, const Connection& earlier) {
    const Ktime opened = later.remembered ? later.remembered->opened : Ktime{};
    const Ktime end = given_up_at(earlier);
    return opened.known() && end.known() && opened > end;
}

}  // namespace

bool are_of_two_connections(const Connection& a, const Connection& b) {
    if (opened_after_end_of(a, b) || opened_after_end_of(b, a)) return true;
    if (!a.remembered || !b.remembered) return false;
    // One of which nothing is known was not found when the trace began: not all are.
    const auto is_younger = [](const EndpointRemembered& end) {
        return !end.older_than_trace && end.opened.known();
    };
    if (a.remembered->older_than_trace && is_younger(*b.remembered)) return true;
    if (b.remembered->older_than_trace && is_younger(*a.remembered)) return true;
    if (a.remembered->passive == b.remembered->passive) return false;
    const EndpointRemembered& accepted = a.remembered->passive ? *a.remembered : *b.remembered;
    const EndpointRemembered& connected = a.remembered->passive ? *b.remembered : *a.remembered;
    return accepted.opened < connected.opened;
}

TcpState state_at_error(const Connection& connection) {
    const TcpState closed_from =
        connection.remembered ? connection.remembered->closed_from : TcpState::kUnknown;
    return closed_from != TcpState::kUnknown ? closed_from : connection.error->body.endpoint.state;
}

bool is_reset_in_doubt(const ResetReceived& reset) {
    const bool half_closed =
        reset.endpoint.state == TcpState::kFinWait1 || reset.endpoint.state == TcpState::kFinWait2;
    return !reset.packet && half_closed && (reset.tcp.shutdown & kReceiveShutdown) != 0;
}

Connection& ConnectionTable::touch(const Endpoint& endpoint) {
    auto found = by_id_.find(endpoint.id);
    if (found == by_id_.end()) {
        if (by_id_.size() >= connections_max_) evict();
        oldest_first_.push_back(endpoint.id);
        found = by_id_.try_emplace(endpoint.id).first;
        found->second.age = std::prev(oldest_first_.end());
        found->second.connection.endpoint = endpoint;
        index(found->second);
        return found->second.connection;
    }
    found->second.touched = true;
    Connection& connection = found->second.connection;
    // A disconnected socket forgets its addresses; the first ones seen are the connection's.
    if (connection.endpoint.remote.port == 0 && endpoint.remote.port != 0) {
        connection.endpoint = endpoint;
        index(found->second);
    }
    return connection;
}

/// Moving an entry at each touch would cost more than all that is looked up.
void ConnectionTable::evict() {
    for (;;) {
        Node& oldest = by_id_.find(oldest_first_.front())->second;
        if (!std::exchange(oldest.touched, false)) break;
        oldest_first_.splice(oldest_first_.end(), oldest_first_, oldest.age);
    }
    const Endpoint evicted = by_id_.find(oldest_first_.front())->second.connection.endpoint;
    erase(oldest_first_.front());
    ++evicted_;
    if (on_evicted_) on_evicted_(evicted);
}

void ConnectionTable::index(Node& node) {
    const Endpoint& endpoint = node.connection.endpoint;
    if (endpoint.kind != EndpointKind::kTcp || endpoint.remote.port == 0) return;
    Node*& newest = newest_[{endpoint.local, endpoint.remote}];
    node.earlier = newest;
    newest = &node;
}

void ConnectionTable::drop_from_index(const Node& node) {
    const Endpoint& endpoint = node.connection.endpoint;
    const auto found = newest_.find({endpoint.local, endpoint.remote});
    if (found == newest_.end()) return;
    Node** link = &found->second;
    while (*link != nullptr && *link != &node) link = &(*link)->earlier;
    if (*link != nullptr) *link = node.earlier;
    if (found->second == nullptr) newest_.erase(found);
}

ConnectionTable::Node* ConnectionTable::newest_with(const AddressPair& addresses) const {
    const auto found = newest_.find(addresses);
    return found != newest_.end() ? found->second : nullptr;
}

Connection* ConnectionTable::find(std::uint64_t id) {
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? nullptr : &found->second.connection;
}

const Connection* ConnectionTable::find(std::uint64_t id) const {
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? nullptr : &found->second.connection;
}

Connection* ConnectionTable::mirror_of(const Endpoint& endpoint) const {
    Node* node = newest_with({endpoint.remote, endpoint.local});
    if (node == nullptr) return nullptr;
    const Connection* own = find(endpoint.id);
    const bool local_only = is_loopback(endpoint.local) || is_loopback(endpoint.remote);
    for (; node != nullptr; node = node->earlier) {
        Connection& candidate = node->connection;
        if (candidate.endpoint.id == endpoint.id) continue;
        if (local_only && candidate.endpoint.netns != endpoint.netns) continue;
        if (own != nullptr && are_of_two_connections(*own, candidate)) continue;
        return &candidate;
    }
    return nullptr;
}

Connection* ConnectionTable::find_same(const Endpoint& addresses) {
    Endpoint mirrored = addresses;
    mirrored.id = 0;
    std::swap(mirrored.local, mirrored.remote);
    return find_peer(mirrored);
}

void ConnectionTable::disown_reset(const Connection& sender) {
    Node* node = newest_with({sender.endpoint.remote, sender.endpoint.local});
    for (; node != nullptr; node = node->earlier) {
        Connection& receiver = node->connection;
        const bool has_it =
            receiver.peer_reset && receiver.peer_reset->body.endpoint.id == sender.endpoint.id;
        if (has_it && are_of_two_connections(receiver, sender)) receiver.peer_reset = nullptr;
    }
}

void ConnectionTable::erase(std::uint64_t id) {
    const auto found = by_id_.find(id);
    if (found == by_id_.end()) return;
    drop_from_index(found->second);
    oldest_first_.erase(found->second.age);
    by_id_.erase(found);
}

}  // namespace pipetrace
