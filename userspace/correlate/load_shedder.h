// Sheds load: hands each event of a connection that is told on to the correlator, and counts those of the
// others. Pure.
#pragma once

#include "correlate/connection_sampler.h"
#include "correlate/shed_tally.h"

namespace pipetrace {

class LoadShedder {
public:
    /// `secret`: see ConnectionSampler.
    LoadShedder(CorrelatorConfig config, std::uint64_t secret, ShedTally::Sink sink, ShedTally::Met met,
                ConnectionSampler::OnEvicted on_evicted = {})
        : sampler_(secret, config.endpoints_max, std::move(on_evicted)),
          tally_(std::move(config), std::move(sink), std::move(met)) {}

    /// Whether the correlator is to have it. Events must come in the order of arrival.
    bool passes(const Event& event);
    void advance_to(Ktime now) {
        sampler_.advance_to(now);
        tally_.advance_to(now);
    }
    void finish() { tally_.finish(); }

    void set_share(double share) { sampler_.set_share(share); }
    double share() const { return sampler_.share(); }

    const ShedTally& tally() const { return tally_; }
    const ConnectionSampler& sampler() const { return sampler_; }
    void trim() {
        sampler_.trim();
        tally_.trim();
    }

private:
    ConnectionSampler sampler_;
    ShedTally tally_;
};

}  // namespace pipetrace
