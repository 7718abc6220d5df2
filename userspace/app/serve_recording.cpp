#include "app/serve_recording.h"

#include "store/recording.h"
#include "store/recording_file.h"

#include <utility>

namespace pipetrace {
namespace {

constexpr std::uint64_t kTryAgainNs = 10'000'000'000;

Error damaged(const std::string& path) {
    return Error{"cannot write to the recording " + path, "the file is damaged", "", true};
}

}  // namespace

Status ServeRecording::start(std::function<TraceContext()> context, std::function<LossCounts()> losses) {
    context_ = std::move(context);
    losses_of_source_ = std::move(losses);
    Status opened = open(false);
    if (opened) return opened;
    if (opened.error().is_of_content) return opened;
    tell_failure(opened.error());
    return Done{};
}

void ServeRecording::set_limits(RecordingLimits limits) {
    settings_.limits = limits;
    if (recorder_) recorder_->set_limits(limits);
}

bool ServeRecording::is_own_file() const {
    return settings_.path.starts_with(std::string(kRecordingFolder) + "/");
}

Status ServeRecording::begin() {
    recorder_ = std::make_unique<Recorder>(settings_);
    Status started = recorder_->start(context_(), losses_of_source_);
    if (!started) recorder_.reset();
    return started;
}

Status ServeRecording::open(bool is_known_damaged) {
    Status begun = is_known_damaged ? Status(damaged(settings_.path)) : begin();
    // Another's file is not ours to move, whatever it holds.
    if (begun || !begun.error().is_of_content || !is_own_file()) return begun;
    const auto aside = set_aside(settings_.path);
    if (!aside) return aside.error();
    settings_.tell(Error{begun.error().what, begun.error().why,
                         "It was set aside as " + *aside + ", and a new recording is begun."});
    return begin();
}

/// Once for each reason.
void ServeRecording::tell_failure(const Error& error) {
    if (told_ == error.why) return;
    told_ = error.why;
    settings_.tell(Error{error.what, error.why,
                         error.remedy + " The monitor goes on without a recording, and tries again."});
}

void ServeRecording::add_record(std::span<const std::byte> record) {
    if (recorder_) {
        recorder_->add_record(record);
    } else {
        ++lost_;
    }
}

void ServeRecording::take(const Incident& incident, const BurstStory* burst, Ktime now) {
    if (recorder_) {
        recorder_->take(incident, burst, now);
    } else {
        ++lost_;
    }
}

void ServeRecording::advance_to(Ktime now) {
    if (recorder_) {
        recorder_->advance_to(now);
        if (!recorder_->is_useless()) return;
        recorder_->finish();
        is_known_damaged_ = recorder_->is_damaged();
        lost_ += recorder_->lost();
        recorder_.reset();
    }
    if (now < next_try_) return;
    next_try_ = now + kTryAgainNs;
    if (const Status opened = open(is_known_damaged_); !opened) {
        tell_failure(opened.error());
        return;
    }
    is_known_damaged_ = false;
    told_.reset();
    settings_.tell(Error{"recording to " + settings_.path, "from now on", ""});
}

void ServeRecording::finish() {
    if (recorder_) recorder_->finish();
}

LossCounts ServeRecording::losses() const {
    LossCounts losses = recorder_ ? recorder_->losses() : LossCounts{};
    if (lost_ > 0) losses["recording"] += lost_;
    return losses;
}

void ServeRecording::close(const TraceSummary& summary) {
    if (!recorder_) return;
    if (const Status closed = recorder_->close(summary); !closed) settings_.tell(closed.error());
}

}  // namespace pipetrace
