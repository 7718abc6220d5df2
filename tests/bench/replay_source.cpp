#include "replay_source.h"

namespace pipetrace::testing {
namespace {

constexpr std::uint64_t kIncidentsPerSecond = 40'000;
constexpr std::uint64_t kApartNs = 1'000'000'000 / kIncidentsPerSecond;

}  // namespace

/// As in tracepoint mode with `--errors exact`.
ReplaySource::ReplaySource() {
    for (const char* observation : {"rst_received", "rst_sent_passive", "rst_sent_active", "packet_filtered",
                                    "error_raised", "receive_failed", "send_failed", "endpoint_destroyed"}) {
        ObservationStatus status;
        status.observation = observation;
        status.hook = "replayed";
        report_.observations.push_back(status);
    }
}

void ReplaySource::prepare(std::size_t incidents) {
    records_.clear();
    for (std::size_t i = 0; i < incidents; ++i) {
        records_.add_incident(now_);
        now_ = now_ + kApartNs;
    }
}

std::size_t ReplaySource::drain(const RecordSink& sink) {
    records_.for_each(sink);
    const std::size_t count = records_.count();
    records_.clear();
    return count;
}

}  // namespace pipetrace::testing
