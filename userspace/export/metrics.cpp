#include "export/metrics.h"

#include "export/bounded_counters.h"
#include "export/process_metrics.h"
#include "model/errno_name.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace pipetrace {
namespace {

using prometheus::Counter;
using prometheus::Gauge;
using prometheus::Histogram;
using prometheus::Registry;
using CounterFamily = prometheus::Family<Counter>;
using GaugeFamily = prometheus::Family<Gauge>;

constexpr std::size_t kSeverityCount = 3;
constexpr std::chrono::seconds kStaleAfter{10};  ///< publish() is called once a second
constexpr double kMicrosecondsPerSecond = 1e6;
// From a local round trip to a week. Between them the limits that programs and boxes on the way have by
// default: 5 s (HTTP keep-alive), 60 s (nginx), 350 s (balancers' NAT), 1 h, 2 h (TCP keep-alive), 1 d.
const Histogram::BucketBoundaries kSecondsBuckets{
    0.001, 0.01, 0.1, 1, 5, 10, 30, 60, 120, 300, 360, 600, 900, 1800, 3600, 7200, 21600, 86400, 604800};
constexpr SigpipeFate kFates[] = {SigpipeFate::kNone,    SigpipeFate::kSuppressed, SigpipeFate::kIgnored,
                                  SigpipeFate::kBlocked, SigpipeFate::kHandled,    SigpipeFate::kKilled};
constexpr const char* kFateUnknown = "unknown";
/// Of those that raise no signal.
constexpr int kUsualErrnos[] = {ECONNRESET,  ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH,
                                ENETUNREACH, ECONNABORTED, ENOTCONN};

CounterFamily& counters(Registry& registry, const char* name, const char* help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
}
GaugeFamily& gauges(Registry& registry, const char* name, const char* help) {
    return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
}
Counter& counter(Registry& registry, const char* name, const char* help) {
    return counters(registry, name, help).Add({});
}
Gauge& gauge(Registry& registry, const char* name, const char* help) {
    return gauges(registry, name, help).Add({});
}
Histogram& seconds(Registry& registry, const char* name, const char* help) {
    return prometheus::BuildHistogram().Name(name).Help(help).Register(registry).Add({}, kSecondsBuckets);
}

/// A counter that follows a total kept elsewhere.
void raise_to(Counter& counter, std::uint64_t total) {
    counter.Increment(std::max(0.0, static_cast<double>(total) - counter.Value()));
}

using ByCause = std::array<std::array<Counter*, kSeverityCount>, kCauseCount>;

ByCause incident_counters(Registry& registry) {
    CounterFamily& family =
        counters(registry, "pipetrace_incidents_total", "Incidents, as judged when first told.");
    ByCause by_cause{};
    for (std::size_t cause = 0; cause < kCauseCount; ++cause) {
        for (std::size_t severity = 0; severity < kSeverityCount; ++severity) {
            by_cause[cause][severity] =
                &family.Add({{"cause", cause_name(static_cast<Cause>(cause))},
                             {"severity", severity_name(static_cast<Severity>(severity))}});
        }
    }
    return by_cause;
}

using ByReason = std::array<Counter*, ResetTally::kPlaces>;

ByReason reset_counters(CounterFamily& family, const char* direction) {
    ByReason by_reason{};
    for (std::size_t place = 0; place < ResetTally::kPlaces; ++place)
        by_reason[place] = &family.Add({{"direction", direction}, {"reason", ResetTally::name(place)}});
    return by_reason;
}

using ByTable = std::array<Counter*, kTableCount>;

ByTable eviction_counters(Registry& registry) {
    CounterFamily& family = counters(registry, "pipetrace_evictions_total",
                                     "What a table forgot early because it was full, by table.");
    ByTable by_table{};
    for (std::size_t i = 0; i < kTableCount; ++i)
        by_table[i] = &family.Add({{"table", table_name(static_cast<Table>(i))}});
    return by_table;
}

std::string fate_label(int error, const std::optional<SigpipeFate>& fate) {
    if (error != EPIPE) return sigpipe_fate_name(SigpipeFate::kNone);
    return fate ? sigpipe_fate_name(*fate) : kFateUnknown;
}

}  // namespace

struct Metrics::State {
    explicit State(const std::string& version);

    void count_new(Cause cause, Severity severity, const InvolvedProcess& victim);
    void count_errors(const Incident& incident);
    void observe_times(const Incident& incident);

    Registry registry;
    ProcessMetrics process;
    ByCause incidents = incident_counters(registry);
    BoundedCounters by_process{
        counters(registry, "pipetrace_process_incidents_total", "Incidents, by who met them."),
        {"process", "container"},
        kProcessesMax};
    BoundedCounters errors{
        counters(
            registry, "pipetrace_errors_total",
            "Failed calls, by errno and by what became of the SIGPIPE, as far as the hooks in use show them "
            "(pipetrace_hook_attached)."),
        {"errno", "sigpipe"},
        kErrnosMax};
    CounterFamily& resets =
        counters(registry, "pipetrace_resets_total", "RSTs, by why their sender sent them.");
    ByReason resets_received = reset_counters(resets, "received");
    ByReason resets_sent = reset_counters(resets, "sent");
    BoundedCounters lost{
        counters(registry, "pipetrace_events_lost_total", "Events that were not seen, by what they were."),
        {"kind"},
        kLossKindsMax};
    LossCounts lost_told;
    Histogram& idle = seconds(registry, "pipetrace_idle_before_reset_seconds",
                              "Silence on a connection before the RST that ended it.");
    Histogram& age =
        seconds(registry, "pipetrace_connection_age_seconds", "Age of a connection when it failed.");
    GaugeFamily& attached =
        gauges(registry, "pipetrace_hook_attached", "Whether a hook makes this observation.");
    GaugeFamily& complete =
        gauges(registry, "pipetrace_observation_complete", "Whether this kernel shows all of it.");
    Gauge& ready =
        gauge(registry, "pipetrace_ready", "Whether everything planned is attached and the trace goes on.");
    Counter& records =
        counter(registry, "pipetrace_records_total", "Records taken from the kernel's ring buffer.");
    Gauge& ring_size = gauge(registry, "pipetrace_ring_size_bytes", "Size of the kernel's ring buffer.");
    Gauge& ring_used = gauge(registry, "pipetrace_ring_used_bytes",
                             "The most that waited in the ring buffer at once, in the last second.");
    Gauge& ring_peak = gauge(registry, "pipetrace_ring_peak_bytes",
                             "The most that waited in the ring buffer at once, since the start.");
    ByTable evicted = eviction_counters(registry);
    GaugeFamily& table_entries =
        gauges(registry, "pipetrace_kernel_table_entries",
               "Entries of a table of the kernel's programs. A full one drops the oldest unseen.");
    GaugeFamily& table_size =
        gauges(registry, "pipetrace_kernel_table_size", "Entries that fit a table of the kernel's programs.");
    std::set<std::string> tables;  ///< that have series
    Counter& unexamined = counter(registry, "pipetrace_unexamined_incidents_total",
                                  "Incidents that were only counted, to keep the load down.");
    Counter& older = counter(registry, "pipetrace_older_endpoint_incidents_total",
                             "Incidents of endpoints that are older than the trace.");
    std::atomic<std::chrono::steady_clock::time_point> published{};
    GaugeFamily& trace = gauges(registry, "pipetrace_trace_info", "How this kernel is traced.");
};

Metrics::State::State(const std::string& version) {
    gauges(registry, "pipetrace_build_info", "The version of pipetrace.").Add({{"version", version}}).Set(1);
    for (const SigpipeFate fate : kFates) errors.at({errno_name(EPIPE), sigpipe_fate_name(fate)});
    errors.at({errno_name(EPIPE), kFateUnknown});
    for (const int error : kUsualErrnos) errors.at({errno_name(error), fate_label(error, {})});
}

void Metrics::State::count_new(Cause cause, Severity severity, const InvolvedProcess& victim) {
    incidents[static_cast<std::size_t>(cause)][static_cast<std::size_t>(severity)]->Increment();
    const std::string comm = label_text(victim.comm.value_or(""));
    by_process.at({comm, label_text(victim.details.container.value_or(""))}).Increment();
}

void Metrics::State::count_errors(const Incident& incident) {
    for (const CallError& error : incident.errors) {
        const std::uint64_t fresh = error.count - error.told_before;
        if (fresh == 0) continue;
        errors.at({errno_name(error.error), fate_label(error.error, incident.sigpipe)})
            .Increment(static_cast<double>(fresh));
    }
}

void Metrics::State::observe_times(const Incident& incident) {
    if (incident.role != Role::kVictim || incident.endpoint.kind == EndpointKind::kPipe) return;
    const auto observe = [](Histogram& histogram, const std::optional<std::uint64_t>& microseconds) {
        if (microseconds) histogram.Observe(static_cast<double>(*microseconds) / kMicrosecondsPerSecond);
    };
    observe(age, incident.endpoint.age_us);
    if (incident.rst && incident.rst->received) observe(idle, incident.endpoint.idle_us);
}

Metrics::Metrics(const std::string& version) : state_(std::make_unique<State>(version)) {}
Metrics::~Metrics() = default;

void Metrics::describe(const HookReport& report, ErrorsMode errors,
                       const std::vector<std::string>& loss_kinds) {
    for (const std::string& kind : loss_kinds) state_->lost.at({label_text(kind)});
    std::size_t room = kObservationsMax;
    for (const ObservationStatus& status : report.observations) {
        if (room-- == 0) break;
        state_->attached.Add({{"observation", status.observation}, {"hook", status.hook}})
            .Set(status.hook.empty() ? 0 : 1);
        state_->complete.Add({{"observation", status.observation}}).Set(status.complete() ? 1 : 0);
    }
    state_->trace
        .Add({{"mode", mode_name(report.mode)},
              {"errors", errors == ErrorsMode::kExact ? "exact" : "inferred"},
              {"kernel", label_text(report.kernel)}})
        .Set(1);
    state_->published = std::chrono::steady_clock::now();
}

void Metrics::count(const Incident& incident) {
    state_->count_errors(incident);
    if (incident.revision > 0) return;
    state_->count_new(incident.verdict.cause, incident.verdict.severity, incident.process);
    state_->observe_times(incident);
}

void Metrics::count(const CountedIncident& incident) {
    for (const CountedIncident::Error& error : incident.errors)
        state_->errors.at({errno_name(error.error), fate_label(error.error, incident.sigpipe)})
            .Increment(static_cast<double>(error.count));
    if (!incident.is_new) return;
    state_->count_new(Cause::kUnknown, Severity::kWarning, incident.process);
    state_->unexamined.Increment();
}

void Metrics::publish(const TraceSummary& summary, const RingUse& ring) {
    for (std::size_t place = 0; place < ResetTally::kPlaces; ++place) {
        raise_to(*state_->resets_received[place], summary.received_by_reason.at(place));
        raise_to(*state_->resets_sent[place], summary.sent_by_reason.at(place));
    }
    for (const auto& [kind, count] : summary.lost_by_kind) {
        std::uint64_t& told = state_->lost_told[kind];
        state_->lost.at({label_text(kind)}).Increment(static_cast<double>(count - std::min(count, told)));
        told = std::max(told, count);
    }
    state_->published = std::chrono::steady_clock::now();
    raise_to(state_->records, summary.events);
    summary.evicted.for_each([this](Table table, std::uint64_t count) {
        raise_to(*state_->evicted[static_cast<std::size_t>(table)], count);
    });
    raise_to(state_->older, summary.endpoints_older_than_trace);
    state_->ring_size.Set(static_cast<double>(ring.size_bytes));
    state_->ring_used.Set(static_cast<double>(ring.used_bytes));
    state_->ring_peak.Set(std::max(state_->ring_peak.Value(), static_cast<double>(ring.used_bytes)));
}

void Metrics::publish(const std::vector<TableUse>& tables) {
    for (const TableUse& table : tables) {
        if (!state_->tables.contains(table.name) && state_->tables.size() >= kTablesMax) continue;
        state_->tables.insert(table.name);
        const prometheus::Labels labels{{"table", label_text(table.name)}};
        state_->table_entries.Add(labels).Set(static_cast<double>(table.entries));
        state_->table_size.Add(labels).Set(static_cast<double>(table.size));
    }
}

bool Metrics::is_ready() const {
    const auto published = state_->published.load();
    return published.time_since_epoch().count() != 0 &&
           std::chrono::steady_clock::now() - published < kStaleAfter;
}

std::string Metrics::exposition() const {
    state_->ready.Set(is_ready() ? 1 : 0);
    std::vector<prometheus::MetricFamily> families = state_->registry.Collect();
    for (prometheus::MetricFamily& family : state_->process.Collect()) families.push_back(std::move(family));
    return prometheus::TextSerializer().Serialize(families);
}

}  // namespace pipetrace
