// This process as Prometheus' client libraries tell of one: process_cpu_seconds_total,
// process_resident_memory_bytes, process_virtual_memory_bytes, process_open_fds, process_max_fds,
// process_start_time_seconds, process_threads.
#pragma once

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <optional>
#include <vector>

namespace pipetrace {

/// Reads /proc/self anew each time, in the thread that asks. What cannot be read is left out.
class ProcessMetrics final : public prometheus::Collectable {
public:
    ProcessMetrics();
    std::vector<prometheus::MetricFamily> Collect() const override;

private:
    std::optional<double> booted_;  ///< seconds since 1970, as the clock stood at the start
};

}  // namespace pipetrace
