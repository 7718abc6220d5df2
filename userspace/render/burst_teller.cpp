#include "render/burst_teller.h"

#include "render/burst_text.h"

#include <algorithm>

namespace pipetrace {
namespace {

constexpr std::uint64_t kHoldNs = 1'000'000'000;
/// Beyond it those that have waited longest are told early: none is lost.
constexpr std::size_t kHeldMax = 512;
/// What is forgotten is told once more.
constexpr std::size_t kIdsMax = 8192;

}  // namespace

void BurstTeller::LatestIds::add(const std::string& id) {
    if (!ids_.insert(id).second) return;
    by_age_.push_back(id);
    if (by_age_.size() <= kIdsMax) return;
    ids_.erase(by_age_.front());
    by_age_.pop_front();
}

BurstTeller::BurstTeller(ClockOffsets clocks, TextStyle style)
    : renderer_(clocks, style), clocks_(clocks), style_(style) {}

void BurstTeller::tell(const Incident& incident, const BurstStory* burst, Ktime now, std::string& out) {
    if (incident.revision > 0) {
        take_revision(incident, out);
    } else if (incident.alike_group > last_group_) {
        last_group_ = incident.alike_group;
        if (incident.caused_by) release_cause(incident, out);
        renderer_.render(incident, out);
    } else if (burst != nullptr) {
        fold(incident, *burst, now);
    } else {
        hold(incident, now, out);
    }
}

/// A cause is told before what it led to.
void BurstTeller::release_cause(const Incident& incident, std::string& out) {
    for (auto held = held_.begin(); held != held_.end(); ++held) {
        const std::vector<Incident>& waiting = held->second.incidents;
        const bool has_cause = std::any_of(waiting.begin(), waiting.end(), [&](const Incident& other) {
            return other.id == *incident.caused_by;
        });
        if (!has_cause) continue;
        release(held->second, out);
        held_.erase(held);
        return;
    }
}

void BurstTeller::take_revision(const Incident& incident, std::string& out) {
    if (folded_.contains(incident.id)) return;
    const auto held = held_.find(incident.alike_group);
    if (held != held_.end()) {
        for (Incident& waiting : held->second.incidents) {
            if (waiting.id != incident.id) continue;
            waiting = incident;
            waiting.revision = 0;  // nobody has seen an earlier one
            return;
        }
    }
    renderer_.render(incident, out);
}

BurstTeller::Held& BurstTeller::held_for(std::uint64_t group, Ktime now) {
    const auto [held, is_new] = held_.try_emplace(group);
    if (is_new) held->second.due = now + kHoldNs;
    return held->second;
}

void BurstTeller::fold(const Incident& incident, const BurstStory& burst, Ktime now) {
    folded_.add(incident.id);
    if (told_.contains(burst.burst.id)) return;
    Held& held = held_for(incident.alike_group, now);
    held.bursts.insert_or_assign(burst.burst.id, burst);
    for (const std::string& id : burst.first_ids) {
        const auto of_burst = std::erase_if(held.incidents, [&](const Incident& waiting) {
            return waiting.id == id;
        });
        if (of_burst > 0) folded_.add(id);
        incidents_held_ -= of_burst;
    }
}

void BurstTeller::hold(const Incident& incident, Ktime now, std::string& out) {
    held_for(incident.alike_group, now).incidents.push_back(incident);
    if (++incidents_held_ <= kHeldMax) return;
    const auto oldest = std::min_element(held_.begin(), held_.end(), [](const auto& a, const auto& b) {
        return a.second.due < b.second.due;
    });
    release(oldest->second, out);
    held_.erase(oldest);
}

void BurstTeller::release(const Held& held, std::string& out) {
    incidents_held_ -= held.incidents.size();
    for (const Incident& incident : held.incidents) renderer_.render(incident, out);
    for (const auto& [id, story] : held.bursts) {
        told_.add(id);
        out += burst_block(story, clocks_, style_);
    }
}

void BurstTeller::advance_to(Ktime now, std::string& out) {
    for (auto held = held_.begin(); held != held_.end();) {
        if (held->second.due > now) {
            ++held;
            continue;
        }
        release(held->second, out);
        held = held_.erase(held);
    }
}

void BurstTeller::finish(std::string& out) { advance_to(Ktime{UINT64_MAX}, out); }

}  // namespace pipetrace
