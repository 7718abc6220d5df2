// The whole flow of one trace: records from a source become events, incidents and verdicts, for a sink.
// The only file that knows every stage.
#pragma once

#include "advise/advice_table.h"
#include "app/incident_filter.h"
#include "app/incident_sink.h"
#include "app/lately_met.h"
#include "app/load_guard.h"
#include "app/owner_search.h"
#include "app/process_lookup.h"
#include "app/released_ends.h"
#include "app/storm_watch.h"
#include "correlate/burst_table.h"
#include "correlate/correlator.h"
#include "decode/decoder.h"
#include "diagnose/chain_table.h"
#include "model/observation.h"
#include "model/options.h"
#include "model/syscall_names.h"
#include "source/event_source.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>

namespace pipetrace {

/// Whose records they are.
struct TracedHost {
    HostIdentity host;
    ClockOffsets clocks;
    const SyscallNames* syscall_names = &SyscallNames::none();
    Tgid tracer = 0;  ///< whose own failures are left out
};

/// What summary() may tell as lost besides the source's own kinds and the sink's.
inline constexpr const char* kUndecodable = "undecodable";
inline constexpr const char* kUnattributed = "sigpipe of an unknown descriptor";
inline constexpr const char* kPipelineLossKinds[] = {kUndecodable, kUnattributed};

/// This host, and this process as the tracer.
TracedHost read_traced_host();

class Pipeline {
public:
    struct Settings {
        Options options;
        const AdviceTable* advice = nullptr;           ///< must be set, and outlive it
        TracedHost traced;
        std::function<Ktime()> clock;                  ///< the source's; not set: this host's
        RecordSink on_record;                          ///< is given each record before anything is made of it
        bool sheds_load = false;                       ///< counts, in a storm, what it has no time to tell
        std::uint64_t print_after_ns = 1'000'000'000;  ///< an incident's first error
    };

    /// All but the settings must outlive it.
    Pipeline(Settings settings, EventSource& source, ProcessLookup& processes, IncidentSink& sink);

    /// Whose incidents are wanted, beyond the filter: the process of `run`, children found at start.
    void trace_process(Tgid tgid);

    /// Handles all records that are there now and prints what is due. Says how many there were.
    std::size_t pump();
    /// The trace ends: the rest is handled, everything that is open is printed.
    void finish();

    /// The sink takes no more, or -c is reached: nothing more need be done.
    bool stopped() const { return stopped_; }

    /// Looks whether those that were there at the start have ended: their exit may have been missed.
    void forget_ended();

    /// Traced processes that still live.
    std::size_t living() const { return living_.size(); }
    /// Incidents wait to be told, perhaps as one burst: pump() soon again.
    bool is_holding() const { return sink_.is_holding(); }
    TraceSummary summary() const;
    const ClockOffsets& clocks() const { return settings_.traced.clocks; }

private:
    void take_record(std::span<const std::byte> record);
    void shed_load(Ktime now);
    void state_sampling(const SamplingChanged& sampling, Ktime now);
    void count(CountedIncident&& incident);
    void look_at(const Event& event);
    void count_failures_of(Tgid tgid, Ktime exited);
    void look_up_owners(Ktime now);
    void give_back_memory(Ktime now);
    void tell(Incident&& incident);
    void describe(InvolvedProcess& process, Ktime at);
    CorrelatorConfig correlator_config() const;
    void add_shed(TraceSummary& summary) const;

    Settings settings_;
    EventSource& source_;
    ProcessLookup& processes_;
    IncidentSink& sink_;
    Decoder decoder_;
    IncidentChooser chooser_;
    bool is_any_left_out_;
    BurstTable bursts_;
    ChainTable chains_;
    Correlator correlator_;
    ReleasedEnds released_;
    std::optional<LoadGuard> guard_;
    std::uint64_t counted_only_ = 0;  ///< as a recording says
    std::set<Tgid> living_;
    std::set<Tgid> ended_;  ///< exits may overtake forks by a moment
    Ktime now_;
    Ktime owners_looked_up_;
    std::uint64_t owners_walk_ns_ = 0;  ///< what the last one took
    OwnerSearch owner_search_;
    LatelyMet lately_met_;
    StormWatch storm_watch_;
    std::uint64_t events_ = 0;
    std::uint64_t undecodable_ = 0;
    std::uint64_t older_endpoints_ = 0;
    bool stopped_ = false;
};

}  // namespace pipetrace
