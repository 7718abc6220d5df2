#include "app/recordings.h"

#include "store/recording.h"
#include "store/rules_digest.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

namespace pipetrace {
namespace {

/// What is there of them; at least one name, for a message.
std::vector<std::string> our_recordings() {
    std::vector<std::string> paths;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(kRecordingFolder, ignored)) {
        if (entry.path().extension() == ".db") paths.push_back(entry.path().string());
    }
    std::sort(paths.begin(), paths.end());
    if (paths.empty()) paths.emplace_back(kDefaultRecording);
    return paths;
}

}  // namespace

Result<Recordings> Recordings::open(std::vector<std::string> paths) {
    const bool are_ours = paths.empty();
    if (are_ours) paths = our_recordings();
    Recordings recordings;
    std::optional<Error> first;
    for (const std::string& path : paths) {
        const Status added = recordings.add_recording(path);
        if (added) continue;
        if (!are_ours) return added.error();
        if (!first) first = added.error();
        recordings.notes_.push_back(fmt::format("{} was left out: {}.", path, added.error().why));
    }
    if (recordings.readers_.empty()) return *first;
    recordings.note_overlaps();
    return recordings;
}

Status Recordings::add_recording(const std::string& path) {
    auto reader = RecordingReader::open(path);
    if (!reader) return reader.error();
    auto traces = reader->traces();
    if (!traces) return traces.error();
    std::size_t again = 0;
    for (TraceContext& context : *traces) again += add(std::move(context)) ? 0 : 1;
    if (again > 0) notes_.push_back(fmt::format("{} holds what another file holds: read once.", path));
    readers_.push_back(std::move(*reader));
    return Done{};
}

/// False: it is there already, of another copy.
bool Recordings::add(TraceContext&& context) {
    for (const Trace& trace : traces_) {
        const TraceContext& known = trace.context;
        const bool is_same = known.host.boot_id == context.host.boot_id && known.started == context.started &&
                             known.tracer == context.tracer && trace.recording != readers_.size();
        if (is_same) return false;
    }
    traces_.push_back({readers_.size(), std::move(context)});
    return true;
}

/// Each tracer sees every failure of its host.
void Recordings::note_overlaps() {
    for (std::size_t i = 1; i < traces_.size(); ++i) {
        const Trace& later = traces_[i];
        const bool overlaps = std::any_of(
            traces_.begin(), traces_.begin() + static_cast<std::ptrdiff_t>(i), [&](const Trace& one) {
                const bool are_apart = (one.context.ended && *one.context.ended <= later.context.started) ||
                                       (later.context.ended && *later.context.ended <= one.context.started);
                return one.recording != later.recording &&
                       one.context.host.boot_id == later.context.host.boot_id && !are_apart;
            });
        if (!overlaps) continue;
        notes_.push_back(
            fmt::format("{} was recorded at the same time as another file, on the same host: what both saw "
                        "is counted twice.",
                        path(later)));
        return;
    }
}

bool Recordings::have_ended() const {
    return std::all_of(traces_.begin(), traces_.end(),
                       [](const Trace& trace) { return trace.context.ended.has_value(); });
}

bool Recordings::include(const std::string& path) const {
    struct stat output {};
    if (::stat(path.c_str(), &output) != 0) return false;
    return std::any_of(readers_.begin(), readers_.end(), [&](const RecordingReader& reader) {
        for (const char* suffix : {"", "-wal", "-shm"}) {
            struct stat input {};
            const bool is_there = ::stat((reader.path() + suffix).c_str(), &input) == 0;
            if (is_there && input.st_dev == output.st_dev && input.st_ino == output.st_ino) return true;
        }
        return false;
    });
}

/// One file is written on one host; a reboot makes no second host of it.
bool Recordings::have_several_hosts() const {
    return std::any_of(traces_.begin(), traces_.end(), [&](const Trace& trace) {
        const Trace& first = traces_.front();
        return trace.recording != first.recording && trace.context.host.boot_id != first.context.host.boot_id;
    });
}

bool Recordings::are_of_our_rules(const std::string& advice_digest) const {
    const std::string ours = rules_digest(advice_digest);
    return std::all_of(traces_.begin(), traces_.end(),
                       [&](const Trace& trace) { return trace.context.rules_digest == ours; });
}

}  // namespace pipetrace
