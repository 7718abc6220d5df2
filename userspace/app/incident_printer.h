// Prints incidents: stories for a person, with alike ones told once, or a line of JSON each.
#pragma once

#include "app/incident_sink.h"
#include "app/output_file.h"
#include "model/options.h"
#include "render/burst_teller.h"
#include "render/json_renderer.h"
#include "render/text_renderer.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace pipetrace {

class IncidentPrinter final : public IncidentSink {
public:
    struct Settings {
        Options options;
        HostIdentity host;
        ClockOffsets clocks;
        TextStyle text_style;
        std::function<void()> before_print;  ///< makes room on a shared terminal
    };

    /// The output must outlive it.
    IncidentPrinter(Settings settings, OutputFile& output);

    void take(const Incident& incident, const BurstStory* burst, Ktime now) override;
    void advance_to(Ktime now) override;
    void finish() override;
    std::uint64_t kept() const override { return kept_; }
    bool is_holding() const override { return teller_.is_holding(); }
    bool stopped() const override { return trouble_.has_value(); }

    /// Output failed, or its reader has gone.
    std::optional<OutputFile::Outcome> trouble() const { return trouble_; }

private:
    void render(const Incident& incident, const BurstStory* burst, Ktime now);
    void end_piece();
    void write_batch();

    Settings settings_;
    OutputFile& output_;
    JsonRenderer json_;
    TextRenderer text_;
    BurstTeller teller_;
    std::optional<OutputFile::Outcome> trouble_;
    std::string batch_;                       ///< rendered and not written yet
    std::vector<std::size_t> piece_ends_;     ///< in it, of what was told at once
    std::vector<std::uint64_t> kept_before_;  ///< each of them
    std::uint64_t kept_ = 0;
};

}  // namespace pipetrace
