#include "correlate/origin_table.h"

#include <iterator>

namespace pipetrace {
namespace {

constexpr std::uint8_t kSyn = 0x02;

bool answers_syn(const ResetSent& sent) { return !sent.active && (sent.provoking_flags & kSyn) != 0; }

/// Addresses recur: another socket's RST, or one that refuses a new connection, is another matter. What is
/// still under way when an end goes is answered for want of a socket.
bool repeats(const ResetSent& first, const ResetSent& next) {
    if (answers_syn(first) != answers_syn(next)) return false;
    return next.endpoint.id == 0 || next.endpoint.id == first.endpoint.id;
}

}  // namespace

Origin& OriginTable::add(const SentReset& sent) {
    const Key key = key_of(sent->body.endpoint);
    auto found = by_addresses_.find(key);
    if (found != by_addresses_.end() &&
        !repeats(found->second.origin.connection.reset_sent->body, sent->body)) {
        forget(found);
        found = by_addresses_.end();
    }
    if (found != by_addresses_.end()) {
        Origin& origin = found->second.origin;
        ++origin.count;
        origin.last_at = sent->at;
        origin.changed = true;
        oldest_first_.splice(oldest_first_.end(), oldest_first_, found->second.age);
        return origin;
    }
    if (by_addresses_.size() >= origins_max_) {
        const auto oldest = by_addresses_.find(oldest_first_.front());
        oldest->second.origin.cut_short = oldest->second.due.has_value();
        forget(oldest);
        ++evicted_;
    }
    oldest_first_.push_back(key);
    due_.push_back(key);
    const Node node{{}, std::prev(oldest_first_.end()), std::prev(due_.end())};
    Origin& origin = by_addresses_.emplace(key, node).first->second.origin;
    origin.connection.endpoint = sent->body.endpoint;
    origin.connection.reset_sent = sent;
    origin.last_at = sent->at;
    return origin;
}

Origin* OriginTable::find(const Endpoint& endpoint) {
    const auto found = by_addresses_.find(key_of(endpoint));
    return found != by_addresses_.end() ? &found->second.origin : nullptr;
}

void OriginTable::tell_elsewhere_to(const Endpoint& receiver) {
    const Key first{receiver.remote, receiver.local, 0};
    for (auto entry = by_addresses_.lower_bound(first); entry != by_addresses_.end(); ++entry) {
        if (entry->first.local != first.local || entry->first.remote != first.remote) return;
        entry->second.origin.told_elsewhere = true;
    }
}

void OriginTable::visit_due(Ktime first_sent_until, const Visit& visit) {
    while (!due_.empty()) {
        Node& node = by_addresses_.find(due_.front())->second;
        if (node.origin.connection.reset_sent->at > first_sent_until) return;
        due_.pop_front();
        node.due.reset();
        visit(node.origin);
    }
}

void OriginTable::forget_before(Ktime last_sent_before) {
    while (!oldest_first_.empty()) {
        const auto oldest = by_addresses_.find(oldest_first_.front());
        if (oldest->second.origin.last_at >= last_sent_before) return;
        forget(oldest);
    }
}

void OriginTable::forget(std::map<Key, Node>::iterator node) {
    on_forgotten_(node->second.origin);
    if (node->second.due) due_.erase(*node->second.due);
    oldest_first_.erase(node->second.age);
    by_addresses_.erase(node);
}

}  // namespace pipetrace
