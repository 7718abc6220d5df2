#include "app/serve_metrics.h"

#include "app/incident_fan.h"

#include <utility>

namespace pipetrace {
namespace {

constexpr std::chrono::seconds kTablesInterval{60};

}  // namespace

ServeMetrics::ServeMetrics() : metrics_(PIPETRACE_VERSION) {}

Result<std::unique_ptr<ServeMetrics>> ServeMetrics::open(const ListenAddress& address) {
    std::unique_ptr<ServeMetrics> made(new ServeMetrics);
    const Metrics& metrics = made->metrics_;
    auto server = MetricsServer::open(
        address, {[&metrics] { return metrics.exposition(); }, [&metrics] { return metrics.is_ready(); }});
    if (!server) return server.error();
    made->server_ = std::move(*server);
    return made;
}

Status ServeMetrics::begin(TraceSession& session, const Options& options) {
    std::vector<std::string> kinds = session.source().loss_kinds();
    for (const char* kind : kPipelineLossKinds) kinds.emplace_back(kind);
    for (const char* kind : {kUnknownOwner, "recording", "lines", "journal"}) kinds.emplace_back(kind);
    metrics_.describe(session.source().hook_report(), options.errors, kinds);
    publish(session);
    return server_->start();
}

void ServeMetrics::publish(TraceSession& session) {
    metrics_.publish(session.pipeline().summary(), session.source().take_ring_use());
    const auto now = std::chrono::steady_clock::now();
    if (now < tables_due_) return;
    tables_due_ = now + kTablesInterval;
    metrics_.publish(session.source().table_use());
}

void ServeMetrics::take(const Incident& incident, const BurstStory*, Ktime) {
    if (incident.revision == 0) ++kept_;
    metrics_.count(incident);
}

}  // namespace pipetrace
