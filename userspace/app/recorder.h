// Keeps a trace in a recording: takes its records and incidents from the tracing loop, and hands them in
// batches to a thread that waits for the disk. The loop itself never does: what the thread cannot take is
// lost, and counted.
#pragma once

#include "app/incident_sink.h"
#include "model/observation.h"
#include "store/recording_writer.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

namespace pipetrace {

class Recorder final : public IncidentSink {
public:
    struct Settings {
        std::string path;
        RecordingLimits limits;
        bool redact = false;                     ///< leave out executables' paths
        std::function<void(const Error&)> tell;  ///< of the recording's troubles while the trace runs
    };
    explicit Recorder(Settings settings) : settings_(std::move(settings)) {}
    Recorder(const Recorder&) = delete;
    Recorder& operator=(const Recorder&) = delete;
    ~Recorder() override;

    /// Opens the recording and begins the trace in it. `losses` is asked for what the source has lost so far.
    Status start(const TraceContext& trace, std::function<LossCounts()> losses);

    const std::string& path() const { return settings_.path; }
    /// Others from now on, once what has been handed over is written; raised ones at once where it cannot be.
    void set_limits(RecordingLimits limits);

    /// Each record, before anything is made of it.
    void add_record(std::span<const std::byte> record);

    void take(const Incident& incident, const BurstStory* burst, Ktime now) override;
    void advance_to(Ktime now) override;
    /// Waits until everything is on the disk, or cannot be brought there.
    void finish() override;
    std::uint64_t kept() const override { return incidents_; }
    std::uint64_t lost() const { return lost_; }  ///< records and incidents
    LossCounts losses() const override { return lost_ > 0 ? LossCounts{{"recording", lost_}} : LossCounts{}; }
    bool is_holding() const override {
        return !pending_.empty() || segment_.record_count > 0 || is_writing();
    }

    /// Batches are on their way to the disk.
    bool is_writing() const { return in_flight_ > 0; }

    /// Anything that should be in the recording is not, as far as it has been noticed.
    bool has_failed() const { return lost_ > 0 || is_useless(); }
    /// Nothing more can be kept in this file: it was removed or moved, or is damaged.
    bool is_useless() const { return is_removed_ || is_damaged_; }
    bool is_damaged() const { return is_damaged_; }
    /// After finish(): the trace's end. An Error if it could not be written and that has not been told.
    Status close(const TraceSummary& summary);

private:
    void add_process(const InvolvedProcess& process, Ktime at);
    void look(Ktime now);
    void keep_apart_what_came_before();
    void keep(Segment&& segment);
    void keep_the_rest();
    void hand_over();
    void tell_trouble();
    void write_until_stopped();
    void keep_within(RecordingLimits limits);
    void write_one(RecordingBatch& batch);
    void sync_until_stopped();
    void expire_now_and_then();
    bool is_removed();

    Settings settings_;
    std::unique_ptr<RecordingWriter> writer_;
    std::function<LossCounts()> losses_of_source_;
    HostIdentity host_;
    ClockOffsets clocks_;
    std::size_t segment_bytes_max_ = 0;
    std::size_t batch_bytes_max_ = 0;

    // The tracing loop's.
    Segment segment_;               ///< being filled
    std::vector<Segment> drained_;  ///< filled since the last look at the losses
    std::size_t looked_bytes_ = 0;  ///< of the first of all these, what was there at the last look
    std::uint32_t looked_records_ = 0;
    LossCounts losses_;  ///< as of the last look
    Ktime looked_;       ///< when that was
    RecordingBatch pending_;
    std::size_t pending_bytes_ = 0;
    Ktime handed_over_;
    std::map<ProcessId, RecordedProcess> told_;
    std::uint64_t incidents_ = 0;

    // Between the two.
    std::mutex mutex_;
    std::condition_variable changed_;
    struct Queued {
        RecordingBatch batch;
        std::uint64_t bytes = 0;
        std::uint64_t batches = 0;
        std::optional<RecordingLimits> limits;  ///< that hold from this batch on
    };
    Queued take_queued();
    std::optional<RecordingLimits> take_raised_limits();
    std::deque<Queued> queue_;
    std::uint64_t queued_bytes_ = 0;
    bool stopping_ = false;
    std::optional<Error> trouble_;              ///< to be told
    std::atomic<std::uint64_t> in_flight_ = 0;  ///< batches
    std::atomic<std::uint64_t> lost_ = 0;       ///< records and incidents

    // The threads'.
    std::thread thread_;
    std::thread syncing_thread_;
    bool failing_sync_ = false;
    std::atomic<std::uint64_t> written_ = 0;  ///< batches
    std::atomic<bool> is_removed_ = false;    ///< somebody removed or moved the file: noticed, and told
    std::atomic<bool> is_damaged_ = false;    ///< told too
    std::optional<Error> failing_;            ///< since the last batch that could be written
    std::optional<std::chrono::steady_clock::time_point> last_tries_end_;
    std::int64_t expired_at_ns_ = 0;
    RecordingLimits limits_;  ///< in force
};

}  // namespace pipetrace
