#include "app/pipeline.h"

#include "decode/sampling_record.h"
#include "diagnose/diagnoser.h"
#include "source/host_reader.h"
#include "source/process_reader.h"
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

TracedHost read_traced_host() {
    return {read_host_identity(), read_clock_offsets(), &syscall_names(), static_cast<Tgid>(::getpid())};
}

Pipeline::Pipeline(Settings settings, EventSource& source, ProcessLookup& processes, IncidentSink& sink)
    : settings_(std::move(settings)),
      source_(source),
      processes_(processes),
      sink_(sink),
      decoder_(source.ticks_per_second()),
      chooser_(settings_.options.filter),
      is_any_left_out_(source.hook_report().is_any_left_out()),
      correlator_(correlator_config(), [this](Incident&& incident) { tell(std::move(incident)); }) {
    if (!settings_.sheds_load) return;
    guard_.emplace(
        correlator_config(), [this](CountedIncident&& incident) { count(std::move(incident)); },
        [this](const Task& task) { correlator_.note_unexamined(task); },
        [this](const Endpoint& end, Ktime at) { correlator_.note_forgotten(end, at); });
}

CorrelatorConfig Pipeline::correlator_config() const {
    const HookReport& report = source_.hook_report();
    CorrelatorConfig config;
    config.id_prefix = settings_.traced.host.boot_id.substr(0, kBootIdDigits);
    config.syscall_names = settings_.traced.syscall_names;
    config.sends_seen = sees(report, "send_failed");
    config.unix_receives_seen = sees(report, "unix_receive_failed");
    config.unix_unread_seen = sees_unread(report);
    config.unix_sends_seen = sees(report, "unix_send_failed");
    config.error_asked_seen = sees(report, "error_asked");
    config.receives_seen = sees_all(report, "receive_failed");
    config.resets_sent_seen = sees(report, "rst_sent_passive") && sees(report, "rst_sent_active");
    config.resets_seen = sees(report, "rst_received");
    config.sigpipes_seen = sees(report, "sigpipe_generated");
    config.print_after_ns = settings_.print_after_ns;
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
    const LossTotals lost = loss_totals(source_.losses());
    correlator_.set_lost(lost);
    if (guard_) shed_load(now);
    correlator_.advance_to(now);
    sink_.advance_to(now);
    stopped_ = stopped_ || sink_.stopped();
    look_up_owners(now);
    released_.look(
        correlator_, processes_, source_, [this](std::span<const std::byte> record) { take_record(record); },
        now);
    give_back_memory(now);
    return events_ - before;
}

void Pipeline::forget_ended() {
    const ProcessReader reader;
    std::erase_if(living_, [&](Tgid tgid) { return !reader.process_of(tgid); });
}

/// A walk over every descriptor of the host takes a fiftieth of the time at most. It is begun as soon as its
/// want is read, so that what it finds is there when the story is told, though the socket may be gone by
/// then.
void Pipeline::look_up_owners(Ktime now) {
    constexpr std::uint64_t kIntervalNsMin = 100'000'000;
    constexpr std::uint64_t kShareOfTime = 50;
    if (now < owners_looked_up_ + std::max(kIntervalNsMin, kShareOfTime * owners_walk_ns_)) return;
    const bool is_wanted = correlator_.take_owner_wanted();
    if (!owner_search_.take_wanted() && !is_wanted) return;
    owners_looked_up_ = now;
    const Ktime began = read_ktime();
    source_.snapshot_owners();
    owners_walk_ns_ = read_ktime().ns - began.ns;
}

void Pipeline::give_back_memory(Ktime now) {
    if (!storm_watch_.is_over(now, events_)) return;
    correlator_.trim();
    if (guard_) guard_->shedder().trim();
    ::malloc_trim(0);
}

void Pipeline::finish() {
    source_.count_misses();
    pump();
    const auto take = [this](std::span<const std::byte> record) { take_record(record); };
    source_.failure_counts(take);
    source_.drain(take);
    if (guard_) {
        guard_->shedder().finish();
        if (guard_->state().counted_only > 0) state_sampling(guard_->state(), now_);
    }
    correlator_.finish();
    sink_.finish();
}

void Pipeline::take_record(std::span<const std::byte> record) {
    if (settings_.on_record && !guard_) settings_.on_record(record);
    auto decoded = decoder_.decode(record);
    Event* event = std::get_if<Event>(&decoded);
    if (event == nullptr) {
        ++undecodable_;
        return;
    }
    ++events_;
    lately_met_.note(*event);
    if (guard_) {
        if (!guard_->shedder().passes(*event)) return;
        if (settings_.on_record) settings_.on_record(record);
    }
    owner_search_.look_at(*event);
    look_at(*event);
    correlator_.observe(*event);
}

void Pipeline::shed_load(Ktime now) {
    if (const auto sampling = guard_->look(now, events_, correlator_.stories_waiting()))
        state_sampling(*sampling, now);
}

/// As a record among the others: a replay must know it too.
void Pipeline::state_sampling(const SamplingChanged& sampling, Ktime now) {
    if (settings_.on_record) settings_.on_record(sampling_record(sampling, now));
    Event event;
    event.at = now;
    event.body = sampling;
    correlator_.observe(event);
}

void Pipeline::count(CountedIncident&& incident) {
    if (incident.process.tgid == settings_.traced.tracer) return;
    processes_.describe(incident.process, now_);
    sink_.count(incident);
}

/// What must be done at once, before the event waits for its order: read what the process will take
/// with it.
void Pipeline::look_at(const Event& event) {
    const Tgid tgid = event.task.process.tgid;
    if (const auto* sampling = as<SamplingChanged>(event)) {
        counted_only_ = sampling->counted_only;
    } else if (const auto* forked = as<ProcessForked>(event)) {
        const Tgid child = forked->child.process.tgid;
        chooser_.add_traced(child);
        if (ended_.erase(child) == 0) living_.insert(child);
    } else if (as<ProcessExecuted>(event)) {
        processes_.executed(event.task);
    } else if (as<ProcessExited>(event)) {
        if (living_.erase(tgid) == 0 && event.is_traced) ended_.insert(tgid);
        count_failures_of(tgid, event.at);
    } else if (as<CallFailed>(event) || as<SigpipeGenerated>(event)) {
        processes_.meet(event.task);
    }
}

/// Its pipes end with it: how often each failed must be known before, however late this is read. A walk over
/// all that ever failed would take milliseconds for each process.
void Pipeline::count_failures_of(Tgid tgid, Ktime exited) {
    std::vector<std::uint64_t> ids;
    correlator_.add_open_ends(tgid, ids);
    if (guard_) guard_->shedder().tally().add_open_ends(tgid, ids);
    lately_met_.add_ends_of(tgid, ids);
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    source_.failure_counts_of([this](std::span<const std::byte> record) { take_record(record); }, tgid, ids,
                              exited);
}

void Pipeline::tell(Incident&& incident) {
    if (stopped_ || incident.process.tgid == settings_.traced.tracer) return;
    incident.facts.is_any_left_out = is_any_left_out_;
    diagnose(incident);
    chains_.join(incident);
    describe(incident.process, incident.at);
    if (incident.peer) describe(incident.peer->process, incident.at);
    if (!chooser_.wants(incident)) return;
    // By the names of the programs, so not before they are looked up.
    settings_.advice->advise(incident);
    bursts_.join(incident);
    sink_.take(incident, incident.burst ? bursts_.find(incident.burst->id) : nullptr, now_);
    const auto& count = settings_.options.count;
    stopped_ = sink_.stopped() || (count && sink_.kept() >= *count);
    if (incident.revision == 0 && incident.facts.older_than_trace) ++older_endpoints_;
}

void Pipeline::describe(InvolvedProcess& process, Ktime at) {
    if (process.identity.start_boottime_ns != 0) {
        process.start_time = settings_.traced.clocks.wall_of_boottime(process.identity.start_boottime_ns);
    }
    processes_.describe(process, at);
}

void Pipeline::add_shed(TraceSummary& summary) const {
    const ShedTally& tally = guard_->shedder().tally();
    summary.counted_only = tally.incidents();
    summary.resets_received += tally.resets_received();
    summary.resets_sent += tally.resets_sent();
    summary.received_by_reason.add(tally.received_by_reason());
    summary.sent_by_reason.add(tally.sent_by_reason());
    summary.evicted.of(Table::kSampledEnds) = guard_->shedder().sampler().evicted();
    summary.evicted.of(Table::kCountedEnds) = tally.evicted();
}

TraceSummary Pipeline::summary() const {
    TraceSummary summary;
    summary.incidents = sink_.kept();
    summary.evicted = correlator_.evictions();
    summary.evicted.of(Table::kChains) = chains_.missed();
    summary.evicted.of(Table::kBursts) = bursts_.evicted();
    summary.evicted.of(Table::kOwners) = owner_search_.evicted();
    summary.evicted.of(Table::kProcesses) = processes_.evicted();
    sink_.add_evictions(summary.evicted);
    summary.counted_only = counted_only_;
    summary.resets_received = correlator_.resets_received();
    summary.resets_sent = correlator_.resets_sent();
    summary.received_by_reason = correlator_.received_by_reason();
    summary.sent_by_reason = correlator_.sent_by_reason();
    if (guard_) add_shed(summary);
    summary.events = events_;
    summary.lost_by_kind = source_.losses();
    const std::uint64_t undecodable = undecodable_ + correlator_.unsound();
    if (undecodable > 0) summary.lost_by_kind[kUndecodable] = undecodable;
    const std::uint64_t unattributed =
        correlator_.unattributed() + (guard_ ? guard_->shedder().tally().unattributed() : 0);
    if (unattributed > 0) summary.lost_by_kind[kUnattributed] = unattributed;
    summary.lost_by_kind.merge(sink_.losses());
    summary.endpoints_older_than_trace = older_endpoints_;
    const BurstTable& bursts = sink_.bursts() != nullptr ? *sink_.bursts() : bursts_;
    summary.burst_count = bursts.count();
    summary.bursts = bursts.largest(kBurstsNamedMax);
    return summary;
}

}  // namespace pipetrace
