#include "app/recordings.h"

#include "store/recording.h"
#include "store/rules_digest.h"

#include <algorithm>
#include <utility>

namespace pipetrace {

Result<Recordings> Recordings::open(std::vector<std::string> paths) {
    if (paths.empty()) paths.emplace_back(kDefaultRecording);
    Recordings recordings;
    for (const std::string& path : paths) {
        auto reader = RecordingReader::open(path);
        if (!reader) return reader.error();
        auto traces = reader->traces();
        if (!traces) return traces.error();
        for (TraceContext& context : *traces) {
            recordings.traces_.push_back({recordings.readers_.size(), std::move(context)});
        }
        recordings.readers_.push_back(std::move(*reader));
    }
    return recordings;
}

/// One file is written on one host; a reboot makes no second host of it.
bool Recordings::have_several_hosts() const {
    return std::any_of(traces_.begin(), traces_.end(), [&](const Trace& trace) {
        const Trace& first = traces_.front();
        return trace.recording != first.recording && trace.context.host.boot_id != first.context.host.boot_id;
    });
}

bool Recordings::are_of_our_rules() const {
    return std::all_of(traces_.begin(), traces_.end(),
                       [](const Trace& trace) { return trace.context.rules_digest == rules_digest(); });
}

}  // namespace pipetrace
