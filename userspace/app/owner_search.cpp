#include "app/owner_search.h"

#include <algorithm>
#include <utility>
#include <variant>

namespace pipetrace {
namespace {

/// By then a walk has come, however long they take: nobody holds the end.
constexpr std::uint64_t kSearchNs = 10'000'000'000;

}  // namespace

void OwnerSearch::look_at(Event& event) {
    const auto* remembered = std::get_if<EndpointRemembered>(&event.body);
    if (remembered == nullptr) return;
    const auto found = since_.find(remembered->endpoint.id);
    if (remembered->owner.known()) {
        if (found == since_.end()) return;
        event.at = std::min(event.at, found->second);
        since_.erase(found);
    } else if (!remembered->closure.by.known() && found == since_.end()) {
        if (since_.size() >= ends_max_) make_room(event.at);
        since_.emplace(remembered->endpoint.id, event.at);
        wanted_ = true;
    }
}

bool OwnerSearch::take_wanted() { return std::exchange(wanted_, false); }

void OwnerSearch::make_room(Ktime now) {
    std::erase_if(since_, [now](const auto& end) { return end.second + kSearchNs <= now; });
    if (since_.size() < ends_max_) return;
    evicted_ += since_.size();
    since_.clear();
}

}  // namespace pipetrace
