#include "app/incident_fan.h"

#include <algorithm>

namespace pipetrace {
namespace {

void add_losses(LossCounts& losses, const IncidentSink& sink) {
    for (const auto& [where, count] : sink.losses()) losses[where] += count;
}

}  // namespace

void IncidentFan::take(const Incident& incident, const BurstStory* burst, Ktime now) {
    for (IncidentSink* sink : all_) sink->take(incident, burst, now);
    if (!chooser_.wants(incident)) return;
    if (incident.revision == 0) ++kept_;
    if (chooser_.wants_all()) {
        for (IncidentSink* sink : chosen_) sink->take(incident, burst, now);
        return;
    }
    Incident chosen = incident;
    chosen.burst.reset();
    chosen.alike_group = 0;
    bursts_.join(chosen);
    const BurstStory* own_burst = chosen.burst ? bursts_.find(chosen.burst->id) : nullptr;
    for (IncidentSink* sink : chosen_) sink->take(chosen, own_burst, now);
}

void IncidentFan::count(const CountedIncident& incident) {
    for (IncidentSink* sink : all_) sink->count(incident);
    switch (chooser_.wants(incident)) {
        case IncidentChooser::Wanted::kNo: break;
        case IncidentChooser::Wanted::kUnknown: of_unknown_ += incident.is_new ? 1 : 0; break;
        case IncidentChooser::Wanted::kYes:
            for (IncidentSink* sink : chosen_) sink->count(incident);
    }
}

void IncidentFan::advance_to(Ktime now) {
    for_each([now](IncidentSink& sink) { sink.advance_to(now); });
}

void IncidentFan::finish() {
    for_each([](IncidentSink& sink) { sink.finish(); });
}

void IncidentFan::take_away(IncidentSink& sink) {
    sink.finish();
    add_losses(lost_by_former_, sink);
    std::erase(all_, &sink);
    std::erase(chosen_, &sink);
}

LossCounts IncidentFan::losses() const {
    LossCounts losses = lost_by_former_;
    if (of_unknown_ > 0) losses[kUnknownOwner] = of_unknown_;
    for_each([&losses](const IncidentSink& sink) { add_losses(losses, sink); });
    return losses;
}

void IncidentFan::add_evictions(Evictions& evictions) const {
    // What went by here is a part of what others have counted bursts of.
    std::uint64_t& bursts = evictions.of(Table::kBursts);
    bursts = std::max(bursts, bursts_.evicted());
    for_each([&evictions](const IncidentSink& sink) { sink.add_evictions(evictions); });
}

bool IncidentFan::is_holding() const {
    bool is_any = false;
    for_each([&is_any](const IncidentSink& sink) { is_any = is_any || sink.is_holding(); });
    return is_any;
}

bool IncidentFan::stopped() const {
    bool is_any = false;
    for_each([&is_any](const IncidentSink& sink) { is_any = is_any || sink.stopped(); });
    return is_any;
}

}  // namespace pipetrace
