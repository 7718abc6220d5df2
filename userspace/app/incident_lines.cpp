#include "app/incident_lines.h"

#include "app/line_file.h"
#include "source/host_reader.h"

#include <utility>

namespace pipetrace {
namespace {

constexpr std::size_t kParcelBytes = 256U << 10;
constexpr std::uint64_t kClocksReadAgainNs = 1'000'000'000;

}  // namespace

Result<std::unique_ptr<IncidentLines>> IncidentLines::to_file(Settings settings, const std::string& path) {
    auto file = LineFile::open(path, kFileBytesMax);
    if (!file) return file.error();
    return std::unique_ptr<IncidentLines>(new IncidentLines(std::move(settings), std::move(*file)));
}

std::unique_ptr<IncidentLines> IncidentLines::to_stream(Settings settings, int fd) {
    return std::unique_ptr<IncidentLines>(
        new IncidentLines(std::move(settings), std::make_unique<LineStream>(fd)));
}

IncidentLines::IncidentLines(Settings settings, std::unique_ptr<Receiver> receiver)
    : clocks_(settings.clocks),
      json_(settings.host, settings.clocks),
      outbox_({.tell = std::move(settings.tell)}, std::move(receiver)) {}

void IncidentLines::take(const Incident& incident, const BurstStory*, Ktime) {
    json_.render(incident, parcel_.text);
    parcel_.ends.push_back(parcel_.text.size());
    ++parcel_.entries;
    if (incident.revision == 0) ++incidents_;
    if (parcel_.text.size() >= kParcelBytes) outbox_.post(std::exchange(parcel_, {}));
}

void IncidentLines::advance_to(Ktime now) {
    outbox_.post(std::exchange(parcel_, {}));
    outbox_.look();
    if (now < clocks_read_ + kClocksReadAgainNs) return;
    clocks_read_ = now;
    if (follow_clocks(clocks_)) json_.set_clocks(clocks_);
}

void IncidentLines::finish() {
    outbox_.post(std::exchange(parcel_, {}));
    outbox_.finish();
}

}  // namespace pipetrace
