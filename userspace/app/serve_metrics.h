// The metrics of `serve`: counts the incidents that it is given, and publishes the trace's own numbers.
#pragma once

#include "app/incident_sink.h"
#include "app/trace_session.h"
#include "export/metrics.h"
#include "export/metrics_server.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace pipetrace {

class ServeMetrics final : public IncidentSink {
public:
    /// Has the address, before anything is attached. Scrapers wait until begin().
    static Result<std::unique_ptr<ServeMetrics>> open(const ListenAddress& address);

    /// Where it listens, with the port that was found: "127.0.0.1:9435".
    std::string address() const { return listen_address_text(server_->address()); }

    /// What is to be observed is attached. The thread that answers has the caller's rights.
    Status begin(TraceSession& session, const Options& options);
    /// To be called about once a second.
    void publish(TraceSession& session);

    void take(const Incident& incident, const BurstStory* burst, Ktime now) override;
    void count(const CountedIncident& incident) override { metrics_.count(incident); }
    std::uint64_t kept() const override { return kept_; }

private:
    ServeMetrics();

    Metrics metrics_;
    std::chrono::steady_clock::time_point tables_due_;  ///< to be read
    std::unique_ptr<MetricsServer> server_;             ///< after what its thread reads
    std::uint64_t kept_ = 0;
};

}  // namespace pipetrace
