#include "app/recorder.h"

#include "app/precedence.h"
#include "source/host_reader.h"
#include "store/incident_columns.h"
#include "store/trace_rows.h"

#include <signal.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

namespace pipetrace {
namespace {

constexpr std::uint64_t kCommitIntervalNs = 200'000'000;
constexpr std::uint64_t kQueueBytesMax = 64U << 20;
constexpr std::size_t kSegmentBytes = 256U << 10;
/// A drain can take long; a replay keeps what came by one in memory.
constexpr std::size_t kSegmentsOfADrainMax = 32;
constexpr std::size_t kProcessesToldMax = 4096;
/// Between two tries of a batch that could not be written, and altogether once the trace has ended.
constexpr std::chrono::milliseconds kRetryInterval{1000};
constexpr std::chrono::seconds kLastTries{3};
/// Retry intervals without a batch: the storm is over.
constexpr int kIdleRounds = 2;

std::uint64_t entries_of(const RecordingBatch& batch) {
    std::uint64_t entries = batch.incidents.size();
    for (const Segment& segment : batch.segments) entries += segment.record_count;
    return entries;
}

}  // namespace

Recorder::~Recorder() {
    if (!thread_.joinable()) return;
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
    syncing_thread_.join();
}

Status Recorder::start(const TraceContext& trace, std::function<LossCounts()> losses) {
    // A limit of the file's size is an error of the write, as a full disk is.
    ::signal(SIGXFSZ, SIG_IGN);
    auto writer = RecordingWriter::open(settings_.path, settings_.limits, trace);
    if (!writer) return writer.error();
    writer_ = std::move(*writer);
    losses_of_source_ = std::move(losses);
    host_ = trace.host;
    clocks_ = trace.clocks;
    limits_ = settings_.limits;
    batch_bytes_max_ = writer_->batch_bytes_max();
    segment_bytes_max_ = std::min(kSegmentBytes, batch_bytes_max_ / 4);
    thread_ = std::thread([this] { write_until_stopped(); });
    syncing_thread_ = std::thread([this] { sync_until_stopped(); });
    return Done{};
}

void Recorder::add_record(std::span<const std::byte> record) {
    const Ktime at = record_time(record);
    if (segment_.records.size() + record.size() > segment_bytes_max_) {
        drained_.push_back(std::exchange(segment_, Segment{}));
        if (drained_.size() >= kSegmentsOfADrainMax) look(at);
    }
    if (segment_.record_count++ == 0) segment_.first = segment_.last = at;
    segment_.first = std::min(segment_.first, at);
    segment_.last = std::max(segment_.last, at);
    segment_.records.insert(segment_.records.end(), record.begin(), record.end());
}

/// The drain is over, or so long that its beginning is let go.
void Recorder::look(Ktime now) {
    if (auto losses = losses_of_source_(); losses != losses_) {
        keep_apart_what_came_before();
        losses_ = std::move(losses);
    }
    looked_ = now;
    for (Segment& segment : std::exchange(drained_, {})) keep(std::move(segment));
    looked_bytes_ = segment_.records.size();
    looked_records_ = segment_.record_count;
}

/// What came before the last drain came before the loss that was found by it.
void Recorder::keep_apart_what_came_before() {
    Segment& first = drained_.empty() ? segment_ : drained_.front();
    if (looked_records_ == 0) return;
    Segment before;
    // The bounds of both are those of the whole: what they must hold, they hold.
    before.first = first.first;
    before.last = first.last;
    const auto middle = first.records.begin() + static_cast<std::ptrdiff_t>(looked_bytes_);
    before.records.assign(first.records.begin(), middle);
    before.record_count = looked_records_;
    first.records.erase(first.records.begin(), middle);
    first.record_count -= looked_records_;
    keep(std::move(before));
}

/// As large batches are handed over at once, so that they stay within what one transaction may write.
void Recorder::keep(Segment&& segment) {
    if (segment.record_count == 0) return;
    segment.clocks = clocks_;
    segment.losses = losses_;
    segment.looked = looked_;
    pending_bytes_ += segment.records.size();
    pending_.segments.push_back(std::move(segment));
    if (pending_bytes_ + segment_bytes_max_ >= batch_bytes_max_ / 2) hand_over();
}

void Recorder::take(const Incident& incident, const BurstStory*, Ktime) {
    if (incident.revision == 0) ++incidents_;
    IncidentRow row = incident_row_of(incident, host_, clocks_, 0);
    if (settings_.redact) row.exe.reset();
    pending_bytes_ += stored_bytes(row);
    pending_.incidents.push_back(std::move(row));
    add_process(incident.process, incident.at);
    if (incident.peer) add_process(incident.peer->process, incident.at);
    if (pending_bytes_ >= batch_bytes_max_ / 2) hand_over();
}

/// Again where it has become another program since, or so long ago that the first telling may be gone.
void Recorder::add_process(const InvolvedProcess& process, Ktime at) {
    if (!process.identity.known()) return;
    RecordedProcess told{process.identity, at, process.details};
    if (settings_.redact) told.details.exe.reset();
    if (told.details == ProcessDetails{}) return;
    const auto found = told_.find(process.identity);
    const bool is_known = found != told_.end() && found->second.details == told.details &&
                          at < found->second.since + kProcessToldAgainNs && at >= found->second.since;
    if (is_known) return;
    if (told_.size() >= kProcessesToldMax) told_.clear();
    told_.insert_or_assign(process.identity, told);
    pending_bytes_ += stored_bytes(told);
    pending_.processes.push_back(std::move(told));
}

void Recorder::advance_to(Ktime now) {
    tell_trouble();
    look(now);
    if (now < handed_over_ + kCommitIntervalNs) return;
    handed_over_ = now;
    keep_the_rest();
    follow_clocks(clocks_);
    hand_over();
}

void Recorder::keep_the_rest() {
    keep(std::exchange(segment_, Segment{}));
    looked_bytes_ = 0;
    looked_records_ = 0;
}

void Recorder::hand_over() {
    if (pending_.empty()) return;
    RecordingBatch batch = std::exchange(pending_, RecordingBatch{});
    const std::uint64_t bytes = std::exchange(pending_bytes_, 0);
    {
        const std::lock_guard lock(mutex_);
        if (queued_bytes_ + bytes > kQueueBytesMax) {
            lost_ += entries_of(batch);
            return;
        }
        queued_bytes_ += bytes;
        ++in_flight_;
        queue_.push_back({std::move(batch), bytes, 1, {}});
    }
    changed_.notify_all();
}

void Recorder::set_limits(RecordingLimits limits) {
    hand_over();
    {
        const std::lock_guard lock(mutex_);
        batch_bytes_max_ = RecordingPruner::batch_bytes_max(limits);
        segment_bytes_max_ = std::min(kSegmentBytes, batch_bytes_max_ / 4);
        queue_.push_back({{}, 0, 0, limits});
    }
    changed_.notify_all();
}

void Recorder::tell_trouble() {
    std::optional<Error> trouble;
    {
        const std::lock_guard lock(mutex_);
        trouble = std::exchange(trouble_, std::nullopt);
    }
    if (trouble) settings_.tell(*trouble);
}

void Recorder::finish() {
    look(std::max(looked_, segment_.last));
    keep_the_rest();
    hand_over();
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
    if (syncing_thread_.joinable()) syncing_thread_.join();
    tell_trouble();
}

Status Recorder::close(const TraceSummary& summary) {
    TraceTotals totals;
    totals.events = summary.events;
    totals.incidents = summary.incidents;
    totals.counted_only = summary.counted_only;
    totals.resets_received = summary.resets_received;
    totals.resets_sent = summary.resets_sent;
    totals.endpoints_older_than_trace = summary.endpoints_older_than_trace;
    totals.evicted = summary.evicted.total();
    if (is_removed()) {
        tell_trouble();
        return Done{};
    }
    if (failing_) return *failing_;
    return writer_->close(read_clock_offsets().wall(read_ktime()), summary.lost_by_kind, totals);
}

void Recorder::write_until_stopped() {
    take_precedence(kWriterNice);
    std::unique_lock lock(mutex_);
    int idle_rounds = 0;
    for (;;) {
        changed_.wait_for(lock, kRetryInterval, [this] { return stopping_ || !queue_.empty(); });
        if (queue_.empty()) {
            if (stopping_) return;
            lock.unlock();
            expire_now_and_then();
            // Before the tracing loop gives back what is free by then.
            if (++idle_rounds == kIdleRounds) writer_->give_back_memory();
            lock.lock();
            continue;
        }
        idle_rounds = 0;
        Queued next = take_queued();
        lock.unlock();
        if (next.limits) keep_within(*next.limits);
        if (!next.batch.empty()) write_one(next.batch);
        expire_now_and_then();
        lock.lock();
        queued_bytes_ -= next.bytes;
        in_flight_ -= next.batches;
    }
}

/// Beside the writing: a slow disk delays no batch on its way out of this process.
void Recorder::sync_until_stopped() {
    constexpr std::chrono::milliseconds kInterval{200};
    std::uint64_t synced = 0;
    std::unique_lock lock(mutex_);
    while (!changed_.wait_for(lock, kInterval, [this] { return stopping_; })) {
        const std::uint64_t written = written_;
        if (written == synced) continue;
        lock.unlock();
        const Status done = writer_->sync();
        lock.lock();
        if (!done && !failing_sync_) trouble_ = done.error();
        failing_sync_ = !done;
        if (done) synced = written;
    }
}

/// All that came while the disk was waited for, as far as one transaction takes it.
Recorder::Queued Recorder::take_queued() {
    Queued taken = std::move(queue_.front());
    queue_.pop_front();
    while (!queue_.empty() && !queue_.front().limits &&
           taken.bytes + queue_.front().bytes <= batch_bytes_max_ / 2) {
        taken.batch.append(std::move(queue_.front().batch));
        taken.bytes += queue_.front().bytes;
        ++taken.batches;
        queue_.pop_front();
    }
    return taken;
}

/// Until it is written, or the trace has ended and it cannot be.
void Recorder::write_one(RecordingBatch& batch) {
    for (Segment& segment : batch.segments) {
        if (lost_ > 0) segment.losses["recording"] = lost_;
    }
    for (;;) {
        if (is_removed() || is_damaged_) {
            lost_ += entries_of(batch);
            return;
        }
        const Status written = writer_->write_what_fits(batch);
        if (written) {
            failing_.reset();
            ++written_;
            return;
        }
        std::unique_lock lock(mutex_);
        if (!failing_) {
            trouble_ = written.error();
            trouble_->remedy +=
                writer_->is_damaged()
                    ? " The trace goes on, and keeps no more in it."
                    : " The trace goes on, and tries again; what cannot be kept until then is lost.";
        }
        failing_ = written.error();
        is_damaged_ = writer_->is_damaged();
        if (is_damaged_) {
            lost_ += entries_of(batch);
            return;
        }
        const auto now = std::chrono::steady_clock::now();
        if (stopping_ && !last_tries_end_) last_tries_end_ = now + kLastTries;
        if (stopping_ && now >= *last_tries_end_) {
            lost_ += entries_of(batch);
            return;
        }
        changed_.wait_for(lock, stopping_ ? kRetryInterval / 4 : kRetryInterval);
        const auto limits = take_raised_limits();
        lock.unlock();
        if (limits) keep_within(*limits);
    }
}

/// That wait behind what cannot be written: there may be room for it within them. What was made for larger
/// ones would not fit lower ones.
std::optional<RecordingLimits> Recorder::take_raised_limits() {
    std::optional<RecordingLimits> raised;
    for (auto queued = queue_.begin(); queued != queue_.end();) {
        const std::optional<RecordingLimits> limits = queued->limits;
        if (limits && limits->size_bytes_max < (raised ? *raised : limits_).size_bytes_max) break;
        if (limits) raised = limits;
        queued = limits ? queue_.erase(queued) : std::next(queued);
    }
    return raised;
}

/// For good: what was in it is gone, and a new file would begin in the midst of the trace.
bool Recorder::is_removed() {
    if (is_removed_ || !writer_->is_removed()) return is_removed_;
    is_removed_ = true;
    const std::lock_guard lock(mutex_);
    trouble_ =
        Error{"cannot write to the recording " + settings_.path, "its file has been removed or moved away",
              "The trace goes on, and nothing more of it is kept there."};
    return true;
}

void Recorder::keep_within(RecordingLimits limits) {
    if (is_removed()) return;
    limits_ = limits;
    // What is in its way is in the way of the next batch too, and told then.
    [[maybe_unused]] const Status kept = writer_->set_limits(limits);
    expired_at_ns_ = 0;
}

void Recorder::expire_now_and_then() {
    if (is_removed()) return;
    constexpr std::int64_t kIntervalNs = 10'000'000'000;
    const WallTime now = read_clock_offsets().wall(read_ktime());
    if (now.ns >= expired_at_ns_ && now.ns < expired_at_ns_ + kIntervalNs) return;
    expired_at_ns_ = now.ns;
    // What is in its way is in the way of the next batch too, and told then.
    [[maybe_unused]] const Status expired = writer_->expire(now);
}

}  // namespace pipetrace
