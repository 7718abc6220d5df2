#include "merge/clock_estimate.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace pipetrace {
namespace {

/// What a busy host adds between a packet and its record.
constexpr std::int64_t kLatenessNs = 250'000'000;
/// adjtimex(2) slews by 500 ppm at most; each of the two.
constexpr std::int64_t kDriftPerThousand = 1;
/// Contradicting ones are no clock.
constexpr std::size_t kGroupsMax = 64;

struct Group {
    std::vector<std::size_t> members;
};

/// How far apart the two say the clocks are, beyond what they leave open.
std::int64_t distance(const ClockSample& a, const ClockSample& b) {
    if (a.low > b.high) return a.low - b.high;
    return b.low > a.high ? b.low - a.high : 0;
}

/// Each sample joins those whose latest is nearest to it, and near enough.
std::vector<Group> grouped(const std::vector<ClockSample>& samples) {
    std::vector<Group> groups;
    for (std::size_t i = 0; i < samples.size(); ++i) {
        Group* nearest = nullptr;
        std::int64_t least = INT64_MAX;
        for (Group& group : groups) {
            const ClockSample& last = samples[group.members.back()];
            const std::int64_t apart = distance(last, samples[i]);
            if (apart > drift_allowed(samples[i].at - last.at) || apart >= least) continue;
            nearest = &group;
            least = apart;
        }
        if (nearest == nullptr) {
            if (groups.size() >= kGroupsMax) continue;
            nearest = &groups.emplace_back();
        }
        nearest->members.push_back(i);
    }
    return groups;
}

bool overlap(const Group& a, const Group& b) {
    return a.members.front() <= b.members.back() && b.members.front() <= a.members.back();
}

/// Those that a step of the clock can explain: one after the other. Of two at the same time the larger.
std::vector<Group> believable(std::vector<Group> groups) {
    std::stable_sort(groups.begin(), groups.end(),
                     [](const Group& a, const Group& b) { return a.members.size() > b.members.size(); });
    std::vector<Group> kept;
    for (const Group& group : groups) {
        const bool is_alone = groups.size() == 1;
        if (group.members.size() < 2 && !is_alone) continue;
        const auto rivals = [&](const Group& other) {
            return &other != &group && overlap(group, other) && other.members.size() >= group.members.size();
        };
        if (std::none_of(groups.begin(), groups.end(), rivals)) kept.push_back(group);
    }
    return kept;
}

struct Bounds {
    std::int64_t low = 0;
    std::int64_t high = 0;
};

/// Where most of them agree (Marzullo's algorithm).
Bounds most_agreed(const std::vector<ClockSample>& samples, const Group& group) {
    std::vector<std::pair<std::int64_t, int>> edges;  // at one place what begins comes before what ends
    for (const std::size_t member : group.members) {
        edges.emplace_back(samples[member].low, -1);
        edges.emplace_back(samples[member].high, 1);
    }
    std::sort(edges.begin(), edges.end());
    Bounds best;
    std::int64_t most = 0;
    std::int64_t count = 0;
    for (std::size_t i = 0; i < edges.size(); ++i) {
        count -= edges[i].second;
        if (count <= most) continue;
        most = count;
        best = {edges[i].first, edges[i + 1].first};
    }
    return best;
}

ClockStretch stretch_of(const std::vector<ClockSample>& samples, const Group& group) {
    ClockStretch stretch;
    stretch.first_at = samples[group.members.front()].at;
    stretch.last_at = samples[group.members.back()].at;
    stretch.size = group.members.size();
    const auto [low, high] = most_agreed(samples, group);
    stretch.offset = low + (high - low) / 2;
    std::int64_t beyond = 0;
    for (const std::size_t member : group.members) {
        beyond = std::max({beyond, samples[member].low - high, low - samples[member].high});
    }
    stretch.within = (high - low) / 2 + beyond;
    return stretch;
}

}  // namespace

std::int64_t drift_allowed(std::int64_t between_ns) {
    return kLatenessNs + std::abs(between_ns) / 1000 * kDriftPerThousand;
}

void ClockEstimate::estimate(std::vector<ClockSample> samples) {
    samples_ = std::move(samples);
    std::stable_sort(samples_.begin(), samples_.end(),
                     [](const ClockSample& a, const ClockSample& b) { return a.at < b.at; });
    stretches_.clear();
    fitting_.clear();
    for (const Group& group : believable(grouped(samples_))) {
        stretches_.push_back(stretch_of(samples_, group));
        for (const std::size_t member : group.members) samples_[member].fits = true;
    }
    std::sort(stretches_.begin(), stretches_.end(),
              [](const ClockStretch& a, const ClockStretch& b) { return a.first_at < b.first_at; });
    for (std::size_t i = 0; i < samples_.size(); ++i) {
        if (samples_[i].fits) fitting_.push_back(i);
    }
}

const ClockSample* ClockEstimate::nearest(std::int64_t at) const {
    if (fitting_.empty()) return nullptr;
    const auto after =
        std::lower_bound(fitting_.begin(), fitting_.end(), at,
                         [&](std::size_t i, std::int64_t time) { return samples_[i].at < time; });
    if (after == fitting_.end()) return &samples_[fitting_.back()];
    if (after == fitting_.begin()) return &samples_[*after];
    const ClockSample& later = samples_[*after];
    const ClockSample& earlier = samples_[*(after - 1)];
    return later.at - at < at - earlier.at ? &later : &earlier;
}

std::optional<std::int64_t> ClockEstimate::offset_at(std::int64_t at) const {
    const ClockSample* sample = nearest(at);
    if (sample == nullptr) return std::nullopt;
    for (const ClockStretch& stretch : stretches_) {
        if (sample->at < stretch.first_at || sample->at > stretch.last_at) continue;
        // What the others of its stretch say, as far as its own bounds allow: clocks drift.
        return std::clamp(stretch.offset, sample->low, sample->high);
    }
    return sample->middle();
}

std::int64_t ClockEstimate::tolerance_at(std::int64_t at) const {
    const ClockSample* sample = nearest(at);
    return sample != nullptr ? (sample->high - sample->low) / 2 + drift_allowed(at - sample->at) : 0;
}

std::size_t ClockEstimate::fitting_count() const { return fitting_.size(); }

}  // namespace pipetrace
