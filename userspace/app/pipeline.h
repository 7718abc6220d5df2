// The whole flow of one trace: records from a source become events, incidents, verdicts and output.
// The only file that knows every stage.
#pragma once

#include "app/incident_filter.h"
#include "app/output_file.h"
#include "app/process_directory.h"
#include "correlate/burst_table.h"
#include "correlate/correlator.h"
#include "decode/decoder.h"
#include "diagnose/chain_table.h"
#include "model/observation.h"
#include "model/options.h"
#include "render/burst_teller.h"
#include "render/json_renderer.h"
#include "render/text_renderer.h"
#include "source/event_source.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace pipetrace {

class Pipeline {
public:
    struct Settings {
        Options options;
        TextStyle text_style;
        std::function<void()> before_print;  ///< makes room on a shared terminal
        std::function<Ktime()> clock;        ///< the source's; not set: this host's
    };

    /// Source and output must outlive it.
    Pipeline(Settings settings, EventSource& source, OutputFile& output);

    /// Whose incidents are wanted, beyond the filter: the process of `run`, children found at start.
    void trace_process(Tgid tgid);

    /// Handles all records that are there now and prints what is due. Says how many there were.
    std::size_t pump();
    /// The trace ends: the rest is handled, everything that is open is printed.
    void finish();

    /// Output failed or its reader has gone, or -c is reached: nothing more need be done.
    bool stopped() const { return stopped_; }
    std::optional<OutputFile::Outcome> output_trouble() const { return trouble_; }

    /// Looks whether those that were there at the start have ended: their exit may have been missed.
    void forget_ended();

    /// Traced processes that still live.
    std::size_t living() const { return living_.size(); }
    /// Incidents wait to be told, perhaps as one burst: pump() soon again.
    bool is_holding() const { return teller_.is_holding(); }
    TraceSummary summary() const;
    std::uint64_t shown() const { return shown_; }

private:
    void take_record(std::span<const std::byte> record);
    void look_at(const Event& event);
    void look_up_owners(Ktime now);
    void date_owner(Event& event);
    void give_back_memory(Ktime now);
    void print(Incident&& incident);
    void render(const Incident& incident);
    void end_piece();
    void write_batch();
    CorrelatorConfig correlator_config() const;

    Settings settings_;
    EventSource& source_;
    OutputFile& output_;
    HostIdentity host_;
    ClockOffsets clocks_;
    Decoder decoder_;
    ProcessDirectory processes_;
    IncidentChooser chooser_;
    JsonRenderer json_;
    TextRenderer text_;
    BurstTeller teller_;
    BurstTable bursts_;
    ChainTable chains_;
    Correlator correlator_;
    std::set<Tgid> living_;
    std::set<Tgid> ended_;  ///< exits may overtake forks by a moment
    std::optional<OutputFile::Outcome> trouble_;
    std::string batch_;                   ///< rendered and not written yet
    std::vector<std::size_t> piece_ends_;  ///< in it, of what was told at once
    std::vector<std::uint64_t> shown_before_;  ///< each of them
    Ktime now_;
    Ktime owners_looked_up_;
    std::uint64_t owners_walk_ns_ = 0;  ///< what the last one took
    bool owner_missed_ = false;
    std::unordered_map<std::uint64_t, Ktime> ownerless_;  ///< endpoints, and since when their owner is looked for
    Ktime last_event_;         ///< unknown: none since memory was given back
    std::uint64_t events_ = 0;
    std::uint64_t shown_ = 0;
    std::uint64_t undecodable_ = 0;
    std::uint64_t older_endpoints_ = 0;
    bool stopped_ = false;
};

}  // namespace pipetrace
