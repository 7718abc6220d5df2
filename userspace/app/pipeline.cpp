#include "app/pipeline.h"

#include "diagnose/diagnoser.h"
#include "source/host_reader.h"
#include "source/syscall_table.h"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <utility>
#include <variant>

namespace pipetrace {
namespace {

constexpr std::size_t kBootIdDigits = 8;
constexpr std::size_t kBurstsNamedMax = 4;
constexpr std::size_t kBatchMax = 1U << 18;

template <typename Body>
const Body* as(const Event& event) {
    return std::get_if<Body>(&event.body);
}

const ObservationStatus* find(const HookReport& report, const std::string& observation) {
    for (const ObservationStatus& status : report.observations) {
        if (status.observation == observation) return &status;
    }
    return nullptr;
}

bool sees(const HookReport& report, const std::string& observation) {
    const ObservationStatus* status = find(report, observation);
    return status != nullptr && !status->hook.empty();
}

bool sees_all(const HookReport& report, const std::string& observation) {
    const ObservationStatus* status = find(report, observation);
    return status != nullptr && status->complete();
}

/// By a hook on the close; else data thrown away shows it, where a hook shows what is thrown away.
bool sees_unread(const HookReport& report) {
    const ObservationStatus* closing = find(report, "unix_closed");
    return closing != nullptr && (closing->complete() || sees(report, "packet_filtered"));
}

}  // namespace

Pipeline::Pipeline(Settings settings, EventSource& source, OutputFile& output)
    : settings_(std::move(settings)),
      source_(source),
      output_(output),
      host_(read_host_identity()),
      clocks_(read_clock_offsets()),
      decoder_(source.ticks_per_second()),
      processes_(settings_.options.cmdline),
      chooser_(settings_.options.filter),
      json_(host_, clocks_),
      text_(clocks_, settings_.text_style),
      teller_(clocks_, settings_.text_style),
      correlator_(correlator_config(), [this](Incident&& incident) { print(std::move(incident)); }) {}

CorrelatorConfig Pipeline::correlator_config() const {
    const HookReport& report = source_.hook_report();
    CorrelatorConfig config;
    config.id_prefix = host_.boot_id.substr(0, kBootIdDigits);
    config.syscall_name = syscall_name;
    config.sends_seen = sees(report, "send_failed");
    config.unix_receives_seen = sees(report, "unix_receive_failed");
    config.unix_unread_seen = sees_unread(report);
    config.unix_sends_seen = sees(report, "unix_send_failed");
    config.error_asked_seen = sees(report, "error_asked");
    config.receives_seen = sees_all(report, "receive_failed");
    config.resets_sent_seen = sees(report, "rst_sent_passive") && sees(report, "rst_sent_active");
    config.idle_after_us = std::uint64_t{settings_.options.idle_after_seconds} * 1'000'000;
    return config;
}

void Pipeline::trace_process(Tgid tgid) {
    chooser_.add_traced(tgid);
    living_.insert(tgid);
}

std::size_t Pipeline::pump() {
    const std::uint64_t before = events_;
    // Before the drain: what comes meanwhile is not late.
    const Ktime now = settings_.clock ? settings_.clock() : read_ktime();
    now_ = now;
    source_.drain([this](std::span<const std::byte> record) { take_record(record); });
    std::uint64_t lost = 0;
    for (const auto& [kind, count] : source_.losses()) lost += count;
    correlator_.set_lost(lost);
    correlator_.advance_to(now);
    teller_.advance_to(now, batch_);
    end_piece();
    write_batch();
    look_up_owners(now);
    if (events_ > before) {
        last_event_ = now;
    } else {
        give_back_memory(now);
    }
    return events_ - before;
}

void Pipeline::forget_ended() {
    const ProcessReader reader;
    std::erase_if(living_, [&](Tgid tgid) { return !reader.process_of(tgid); });
}

/// A walk over every descriptor of the host takes a fiftieth of the time at most. It is begun as soon as its want
/// is read, so that what it finds is there when the story is told, though the socket may be gone by then.
void Pipeline::look_up_owners(Ktime now) {
    constexpr std::uint64_t kIntervalNsMin = 100'000'000;
    constexpr std::uint64_t kShareOfTime = 50;
    if (now < owners_looked_up_ + std::max(kIntervalNsMin, kShareOfTime * owners_walk_ns_)) return;
    const bool wanted = correlator_.take_owner_wanted();
    if (!wanted && !owner_missed_) return;
    owner_missed_ = false;
    owners_looked_up_ = now;
    const Ktime began = read_ktime();
    source_.snapshot_owners();
    owners_walk_ns_ = read_ktime().ns - began.ns;
}

/// What a walk finds held before it, and since what wanted it.
void Pipeline::date_owner(Event& event) {
    constexpr std::size_t kOwnerlessMax = 1024;
    const auto* remembered = as<EndpointRemembered>(event);
    if (remembered == nullptr) return;
    const auto found = ownerless_.find(remembered->endpoint.id);
    if (remembered->owner.known()) {
        if (found == ownerless_.end()) return;
        event.at = std::min(event.at, found->second);
        ownerless_.erase(found);
    } else if (!remembered->closure.by.known() && found == ownerless_.end()) {
        if (ownerless_.size() >= kOwnerlessMax) ownerless_.clear();
        ownerless_.emplace(remembered->endpoint.id, event.at);
        owner_missed_ = true;
    }
}

/// After a storm, once what it left is told and forgotten.
void Pipeline::give_back_memory(Ktime now) {
    constexpr std::uint64_t kQuietNs = 4'000'000'000;  // what waits longest is a RST that nobody received: 3 s
    if (!last_event_.known() || now < last_event_ + kQuietNs) return;
    last_event_ = {};
    correlator_.trim();
    ::malloc_trim(0);
}

void Pipeline::finish() {
    source_.count_misses();
    pump();
    const auto take = [this](std::span<const std::byte> record) { take_record(record); };
    source_.failure_counts(take);
    source_.drain(take);
    correlator_.finish();
    teller_.finish(batch_);
    end_piece();
    write_batch();
}

void Pipeline::take_record(std::span<const std::byte> record) {
    auto decoded = decoder_.decode(record);
    Event* event = std::get_if<Event>(&decoded);
    if (event == nullptr) {
        ++undecodable_;
        return;
    }
    ++events_;
    date_owner(*event);
    look_at(*event);
    correlator_.observe(*event);
}

/// What must be done at once, before the event waits for its order: read what the process will take
/// with it.
void Pipeline::look_at(const Event& event) {
    const Tgid tgid = event.task.process.tgid;
    if (const auto* forked = as<ProcessForked>(event)) {
        const Tgid child = forked->child.process.tgid;
        chooser_.add_traced(child);
        if (ended_.erase(child) == 0) living_.insert(child);
    } else if (as<ProcessExecuted>(event)) {
        processes_.executed(event.task);
    } else if (as<ProcessExited>(event)) {
        if (living_.erase(tgid) == 0 && event.is_traced) ended_.insert(tgid);
        // Its pipes end with it: how often each failed must be known before, however late this is read.
        source_.failure_counts([this](std::span<const std::byte> record) { take_record(record); }, tgid,
                               event.at);
    } else if (as<CallFailed>(event) || as<SigpipeGenerated>(event)) {
        processes_.meet(event.task);
    }
}

void Pipeline::print(Incident&& incident) {
    if (stopped_ || incident.process.tgid == static_cast<Tgid>(::getpid())) return;
    diagnose(incident);
    chains_.join(incident);
    processes_.describe(incident.process, clocks_);
    if (incident.peer) processes_.describe(incident.peer->process, clocks_);
    if (!chooser_.wants(incident)) return;
    bursts_.join(incident);
    render(incident);
    end_piece();
    if (batch_.size() >= kBatchMax) write_batch();
    if (trouble_) return;
    if (incident.revision > 0) return;
    ++shown_;
    if (incident.facts.older_than_trace) ++older_endpoints_;
    if (settings_.options.count && shown_ >= *settings_.options.count) stopped_ = true;
}

/// Those alike are told once where a person reads along; a file gets each.
void Pipeline::render(const Incident& incident) {
    if (settings_.options.json) {
        json_.render(incident, batch_);
    } else if (settings_.options.output_path) {
        text_.render(incident, batch_);
    } else {
        const BurstStory* burst = incident.burst ? bursts_.find(incident.burst->id) : nullptr;
        teller_.tell(incident, burst, now_, batch_);
    }
}

/// What was appended to the batch since the last call is one piece.
void Pipeline::end_piece() {
    if (batch_.size() == (piece_ends_.empty() ? 0 : piece_ends_.back())) return;
    piece_ends_.push_back(batch_.size());
    shown_before_.push_back(shown_);
}

/// A storm's incidents of one millisecond go out together.
void Pipeline::write_batch() {
    if (!batch_.empty() && !trouble_) {
        settings_.before_print();
        const OutputFile::Outcome outcome = output_.write(batch_, piece_ends_);
        if (outcome != OutputFile::Outcome::kWritten) {
            trouble_ = outcome;
            stopped_ = true;
        }
        if (outcome == OutputFile::Outcome::kFailed) {
            const auto lost = std::upper_bound(piece_ends_.begin(), piece_ends_.end(), output_.kept());
            shown_ = shown_before_[static_cast<std::size_t>(lost - piece_ends_.begin())];
        }
    }
    batch_.clear();
    piece_ends_.clear();
    shown_before_.clear();
}

TraceSummary Pipeline::summary() const {
    TraceSummary summary;
    summary.incidents = shown_;
    summary.resets_received = correlator_.resets_received();
    summary.resets_sent = correlator_.resets_sent();
    summary.events = events_;
    summary.lost_by_kind = source_.losses();
    const std::uint64_t undecodable = undecodable_ + correlator_.unsound();
    if (undecodable > 0) summary.lost_by_kind["undecodable"] = undecodable;
    if (correlator_.unattributed() > 0) {
        summary.lost_by_kind["sigpipe of an unknown descriptor"] = correlator_.unattributed();
    }
    summary.endpoints_older_than_trace = older_endpoints_;
    summary.evicted = correlator_.evicted() + chains_.missed() + bursts_.evicted();
    summary.burst_count = bursts_.count();
    summary.bursts = bursts_.largest(kBurstsNamedMax);
    return summary;
}

}  // namespace pipetrace
