#include "correlate/burst_table.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/compile.h>

namespace pipetrace {
namespace {

constexpr std::size_t kAlikeMin = 5;
constexpr std::uint64_t kWindowNs = 1'000'000'000;
/// Enough to find the 5 of one host among those of others.
constexpr std::size_t kRecentMax = 16;
constexpr std::size_t kBurstsUnderWayMax = 4;

std::string key_of(const Incident& incident) {
    return fmt::format(FMT_COMPILE("{} {} {} {}"), static_cast<int>(incident.role),
                       static_cast<int>(incident.verdict.cause), static_cast<int>(incident.endpoint.kind),
                       incident.process.comm.value_or(""));
}

bool is_near(Ktime a, Ktime b) { return (a > b ? a.ns - b.ns : b.ns - a.ns) <= kWindowNs; }

/// Those of `members` with the new one that lie within one window and are enough; else none. In time's order.
std::vector<BurstMember> enough_within_window(std::vector<BurstMember> members, const BurstMember& newest) {
    members.push_back(newest);
    std::sort(members.begin(), members.end(),
              [](const BurstMember& a, const BurstMember& b) { return a.at < b.at; });
    for (std::size_t first = 0; first + kAlikeMin <= members.size(); ++first) {
        std::size_t end = first + 1;
        while (end < members.size() && is_near(members[first].at, members[end].at)) ++end;
        if (end - first < kAlikeMin) continue;
        const auto begin = members.begin() + static_cast<std::ptrdiff_t>(first);
        std::vector<BurstMember> found(begin, members.begin() + static_cast<std::ptrdiff_t>(end));
        const bool has_newest = std::any_of(found.begin(), found.end(), [&](const BurstMember& member) {
            return member.id == newest.id;
        });
        if (has_newest) return found;
    }
    return {};
}

BurstTraits traits_of(const std::vector<BurstMember>& members, BurstTraits traits) {
    for (const BurstMember& member : members) traits.add(member);
    return traits;
}

}  // namespace

void BurstTable::join(Incident& incident) {
    if (incident.revision > 0) {
        join_again(incident);
        return;
    }
    const BurstMember member = burst_member_of(incident);
    Group& group = group_of(incident);
    incident.alike_group = group.number;
    Running* burst = under_way(group, member);
    if (burst != nullptr) {
        burst->traits.add(member);
    } else {
        burst = begin(group, member,
                      {incident.verdict.cause, incident.endpoint.kind, incident.process.comm.value_or("")});
    }
    if (!incident.is_final) {
        remember(member.id, {group.number, burst != nullptr ? burst->traits.story().burst.id : ""});
    }
    if (burst != nullptr) {
        incident.burst = burst->traits.story().burst;
        return;
    }
    if (group.recent.size() >= kRecentMax) group.recent.erase(group.recent.begin());
    group.recent.push_back(member);
}

/// A new one after a pause: what came before is another story.
BurstTable::Group& BurstTable::group_of(const Incident& incident) {
    const std::string key = key_of(incident);
    auto found = groups_.find(key);
    if (found == groups_.end()) {
        if (groups_.size() >= bounds_.groups_max) {
            const auto oldest = groups_.find(oldest_first_.front());
            if (is_near(oldest->second.last_at, incident.at)) ++evicted_;
            end_bursts(oldest->second);
            groups_.erase(oldest);
            oldest_first_.pop_front();
        }
        oldest_first_.push_back(key);
        found = groups_.emplace(key, Group{++last_number_, incident.at, {}, {}, {}}).first;
        found->second.age = std::prev(oldest_first_.end());
        return found->second;
    }
    Group& group = found->second;
    oldest_first_.splice(oldest_first_.end(), oldest_first_, group.age);
    if (incident.at > group.last_at && !is_near(group.last_at, incident.at)) {
        group.number = ++last_number_;
        group.recent.clear();
        end_bursts(group);
    }
    group.last_at = std::max(group.last_at, incident.at);
    return group;
}

bool BurstTable::belongs(const Running& burst, const BurstMember& member) {
    const BurstStory& story = burst.traits.story();
    const bool within = story.first_at <= member.at && member.at <= story.last_at;
    if (!within && !is_near(story.first_at, member.at) && !is_near(story.last_at, member.at)) return false;
    if (burst.one_host) return member.host == burst.traits.host();
    BurstTraits with = burst.traits;
    with.add(member);
    return with.pattern() == burst.traits.pattern();
}

BurstTable::Running* BurstTable::under_way(const Group& group, const BurstMember& member) {
    for (const std::string& id : group.bursts) {
        const auto found = running_.find(id);
        if (found != running_.end() && belongs(found->second, member)) return &found->second;
    }
    return nullptr;
}

/// Of one host first; those of several only where a pattern says that one thing ended them.
BurstTable::Running* BurstTable::begin(Group& group, const BurstMember& member, const BurstTraits& none_yet) {
    std::vector<BurstMember> same_host;
    std::copy_if(group.recent.begin(), group.recent.end(), std::back_inserter(same_host),
                 [&](const BurstMember& recent) { return recent.host == member.host; });
    std::vector<BurstMember> members = enough_within_window(same_host, member);
    if (!members.empty()) return &place(group, traits_of(members, none_yet), true, members);
    members = enough_within_window(group.recent, member);
    if (members.empty()) return nullptr;
    BurstTraits traits = traits_of(members, none_yet);
    if (traits.pattern() == BurstPattern::kAlike) return nullptr;
    return &place(group, std::move(traits), false, members);
}

BurstTable::Running& BurstTable::place(Group& group, BurstTraits traits, bool one_host,
                                       const std::vector<BurstMember>& members) {
    if (group.bursts.size() >= kBurstsUnderWayMax) {
        end_burst(group.bursts.front());
        group.bursts.erase(group.bursts.begin());
    }
    const std::string burst_id = members.front().id + "-burst";
    std::vector<std::string> ids;
    for (const BurstMember& member : members) {
        ids.push_back(member.id);
        const auto known = known_.find(member.id);
        if (known != known_.end()) known->second.burst_id = burst_id;
        std::erase_if(group.recent, [&](const BurstMember& recent) { return recent.id == member.id; });
    }
    traits.name(burst_id, std::move(ids));
    group.bursts.push_back(burst_id);
    ++count_;
    return running_.insert_or_assign(burst_id, Running{std::move(traits), one_host}).first->second;
}

void BurstTable::end_bursts(Group& group) {
    for (const std::string& id : group.bursts) end_burst(id);
    group.bursts.clear();
}

/// Of those that are over, the largest are kept.
void BurstTable::end_burst(const std::string& burst_id) {
    const auto found = running_.find(burst_id);
    if (found == running_.end()) return;
    over_.push_back(found->second.traits.story());
    running_.erase(found);
    if (over_.size() <= bounds_.over_max) return;
    over_.erase(std::min_element(over_.begin(), over_.end(), [](const BurstStory& a, const BurstStory& b) {
        return a.burst.size < b.burst.size;
    }));
}

const BurstStory* BurstTable::find(const std::string& burst_id) const {
    const auto found = running_.find(burst_id);
    if (found != running_.end()) return &found->second.traits.story();
    const auto over = std::find_if(over_.begin(), over_.end(), [&](const BurstStory& story) {
        return story.burst.id == burst_id;
    });
    return over != over_.end() ? &*over : nullptr;
}

std::vector<BurstStory> BurstTable::largest(std::size_t stories_max) const {
    std::vector<BurstStory> stories = over_;
    for (const auto& [id, burst] : running_) stories.push_back(burst.traits.story());
    std::sort(stories.begin(), stories.end(), [](const BurstStory& a, const BurstStory& b) {
        return a.burst.size != b.burst.size ? a.burst.size > b.burst.size : a.burst.id < b.burst.id;
    });
    if (stories.size() > stories_max) stories.resize(stories_max);
    return stories;
}

void BurstTable::remember(const std::string& id, Known known) {
    if (!known_.insert_or_assign(id, std::move(known)).second) return;
    known_by_age_.push_back(id);
    if (known_by_age_.size() <= bounds_.ids_max) return;
    known_.erase(known_by_age_.front());
    known_by_age_.pop_front();
}

/// A revision is no further incident.
void BurstTable::join_again(Incident& incident) {
    const auto known = known_.find(incident.id);
    if (known == known_.end()) {
        ++evicted_;
        return;
    }
    incident.alike_group = known->second.group;
    if (const BurstStory* story = find(known->second.burst_id)) incident.burst = story->burst;
}

}  // namespace pipetrace
