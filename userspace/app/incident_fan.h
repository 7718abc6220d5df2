// Hands each incident to several sinks: to some whatever it is, to others only where the filter chooses it.
#pragma once

#include "app/incident_filter.h"
#include "app/incident_sink.h"
#include "correlate/burst_table.h"
#include "model/observation.h"

#include <cstdint>
#include <utility>
#include <vector>

namespace pipetrace {

/// What losses() tells besides what the sinks lost: incidents that were only counted, and may be of a process
/// that the filter asks for.
inline constexpr const char* kUnknownOwner = "incident of an unknown process";

class IncidentFan final : public IncidentSink {
public:
    /// Incidents that `filter` does not want go to those alone that are given all. To the others a burst is
    /// made of what they get.
    explicit IncidentFan(IncidentFilter filter) : chooser_(std::move(filter)) {}

    /// From now on.
    void choose(IncidentFilter filter) { chooser_ = IncidentChooser(std::move(filter)); }

    /// The sink must outlive it.
    void give_all(IncidentSink& sink) { all_.push_back(&sink); }
    void give_chosen(IncidentSink& sink) { chosen_.push_back(&sink); }
    /// Finishes it and gives it no more; what it has lost stays counted.
    void take_away(IncidentSink& sink);

    void take(const Incident& incident, const BurstStory* burst, Ktime now) override;
    void count(const CountedIncident& incident) override;
    void advance_to(Ktime now) override;
    void finish() override;
    /// Those that were chosen.
    std::uint64_t kept() const override { return kept_; }
    const BurstTable* bursts() const override { return chooser_.wants_all() ? nullptr : &bursts_; }
    LossCounts losses() const override;
    void add_evictions(Evictions& evictions) const override;
    bool is_holding() const override;
    /// As soon as one of them takes no more.
    bool stopped() const override;

private:
    template <typename Act>
    void for_each(Act act) const {
        for (IncidentSink* sink : all_) act(*sink);
        for (IncidentSink* sink : chosen_) act(*sink);
    }

    IncidentChooser chooser_;
    std::vector<IncidentSink*> all_;
    std::vector<IncidentSink*> chosen_;
    BurstTable bursts_;  ///< of those that were chosen, where some are not
    LossCounts lost_by_former_;
    std::uint64_t of_unknown_ = 0;  ///< counted, and perhaps to be chosen
    std::uint64_t kept_ = 0;
};

}  // namespace pipetrace
