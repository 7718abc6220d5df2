// The recording of a monitor that is left running: what keeps a recorder from recording does not end it. It
// is told and counted, and tried again. A file in our own folder that is damaged, or of another format, is
// set aside, and a new one begun.
#pragma once

#include "app/incident_sink.h"
#include "app/recorder.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace pipetrace {

class ServeRecording final : public IncidentSink {
public:
    explicit ServeRecording(Recorder::Settings settings) : settings_(std::move(settings)) {}

    const std::string& path() const { return settings_.path; }
    /// From now on.
    void set_limits(RecordingLimits limits);

    /// `context`: of a trace that begins now. An Error only where the file's own content is the reason and
    /// the file is the user's to move.
    Status start(std::function<TraceContext()> context, std::function<LossCounts()> losses);
    void add_record(std::span<const std::byte> record);

    void take(const Incident& incident, const BurstStory* burst, Ktime now) override;
    void advance_to(Ktime now) override;
    void finish() override;
    std::uint64_t kept() const override { return recorder_ ? recorder_->kept() : 0; }
    LossCounts losses() const override;
    bool is_holding() const override { return recorder_ && recorder_->is_holding(); }

    /// After finish(): the trace's end.
    void close(const TraceSummary& summary);

private:
    Status open(bool is_known_damaged);
    Status begin();
    void tell_failure(const Error& error);
    bool is_own_file() const;

    Recorder::Settings settings_;
    std::function<TraceContext()> context_;
    std::function<LossCounts()> losses_of_source_;
    std::unique_ptr<Recorder> recorder_;  ///< none: it could not be opened, and is tried again
    std::optional<std::string> told_;     ///< why there is none
    bool is_known_damaged_ = false;       ///< what lies there
    Ktime next_try_;
    std::uint64_t lost_ = 0;  ///< while there was none, and by those that are gone
};

}  // namespace pipetrace
