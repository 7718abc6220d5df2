#include "correlate/sent_resets.h"

#include <utility>

namespace pipetrace {

SentResets::Key SentResets::key_of(const Address& from, const Address& to, std::uint32_t netns) {
    return Key{{from, to}, is_loopback(from) || is_loopback(to) ? netns : 0};
}

void SentResets::add(SentReset sent) {
    const Endpoint& sender = sent->body.endpoint;
    const Key key = key_of(sender.local, sender.remote, sender.netns);
    const Ktime at = sent->at;
    Kept& kept = by_addresses_[key];
    (sent->body.active ? kept.abort : kept.answer) = std::move(sent);
    kept.received = false;
    oldest_first_.emplace_back(at, key);
    if (oldest_first_.size() <= resets_max_) return;
    const AddressPair evicted = oldest_first_.front().second.from_to;
    if (!forget_first(oldest_first_)) return;
    ++evicted_;
    if (on_evicted_) on_evicted_(evicted);
}

SentReset SentResets::find(const Endpoint& receiver, Ktime received_at, Ktime opened) {
    const auto found = by_addresses_.find(key_of(receiver.remote, receiver.local, receiver.netns));
    if (found == by_addresses_.end()) return nullptr;
    const auto may_be_it = [&](const SentReset& sent) {
        return sent && sent->at >= opened && sent->at <= received_at &&
               received_at <= sent->at + kResetTravelNsMax;
    };
    // An abort is why the answers to later segments are sent, not they.
    Kept& kept = found->second;
    const SentReset& it = may_be_it(kept.abort) ? kept.abort : kept.answer;
    if (!may_be_it(it)) return nullptr;
    note_received(found->first, kept);
    return it;
}

void SentResets::received(const SentReset& sent) {
    const Endpoint& sender = sent->body.endpoint;
    const auto found = by_addresses_.find(key_of(sender.local, sender.remote, sender.netns));
    if (found != by_addresses_.end()) note_received(found->first, found->second);
}

void SentResets::note_received(const Key& key, Kept& kept) {
    if (std::exchange(kept.received, true)) return;
    for (const SentReset* sent : {&kept.abort, &kept.answer}) {
        if (*sent != nullptr) received_first_.emplace_back((*sent)->at, key);
    }
    while (received_first_.size() > resets_max_) forget_first(received_first_);
}

void SentResets::forget_old(Ktime now) {
    const auto forget_before = [this](Line& line, Ktime at) {
        while (!line.empty() && line.front().first < at) forget_first(line);
    };
    forget_before(received_first_, now - kResetReceivedNsMax);
    forget_before(oldest_first_, now - kResetTravelNsMax);
}

bool SentResets::forget_first(Line& line) {
    const auto [at, key] = line.front();
    line.pop_front();
    const auto found = by_addresses_.find(key);
    if (found == by_addresses_.end()) return false;
    bool is_gone = false;
    const bool was_received = found->second.received;
    for (SentReset* sent : {&found->second.abort, &found->second.answer}) {
        if (*sent == nullptr || (*sent)->at != at) continue;
        *sent = nullptr;
        is_gone = true;
    }
    if (!found->second.abort && !found->second.answer) by_addresses_.erase(found);
    return is_gone && !was_received;
}

}  // namespace pipetrace
