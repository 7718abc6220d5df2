// Incidents as lines of JSON for a log shipper: of serve, whose loop must never wait for who takes them.
#pragma once

#include "app/incident_sink.h"
#include "app/outbox.h"
#include "render/json_renderer.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace pipetrace {

class IncidentLines final : public IncidentSink {
public:
    /// A file's; it and its predecessor, FILE.1, take twice that at most.
    static constexpr std::uint64_t kFileBytesMax = 64U << 20;

    struct Settings {
        HostIdentity host;
        ClockOffsets clocks;
        std::function<void(const Error&)> tell;
    };
    static Result<std::unique_ptr<IncidentLines>> to_file(Settings settings, const std::string& path);
    static std::unique_ptr<IncidentLines> to_stream(Settings settings, int fd);

    /// A file that has been moved away is made anew now, and not only for the next line.
    void look_for_file() { outbox_.knock(); }

    void take(const Incident& incident, const BurstStory* burst, Ktime now) override;
    void advance_to(Ktime now) override;
    void finish() override;
    std::uint64_t kept() const override { return incidents_; }
    LossCounts losses() const override { return outbox_.losses("lines"); }
    bool stopped() const override { return outbox_.has_ended(); }

private:
    IncidentLines(Settings settings, std::unique_ptr<Receiver> receiver);

    ClockOffsets clocks_;
    JsonRenderer json_;
    Outbox outbox_;
    Parcel parcel_;  ///< being filled
    Ktime clocks_read_;
    std::uint64_t incidents_ = 0;
};

}  // namespace pipetrace
