// The recordings that a report reads, and the traces in them.
#pragma once

#include "model/result.h"
#include "model/trace_context.h"
#include "store/recording_reader.h"

#include <cstddef>
#include <string>
#include <vector>

namespace pipetrace {

class Recordings {
public:
    struct Trace {
        std::size_t recording = 0;
        TraceContext context;
    };

    /// No paths: all that `record` and `serve` write by default; of those, one that cannot be read is left
    /// out, if another can.
    static Result<Recordings> open(std::vector<std::string> paths);

    const std::vector<Trace>& traces() const { return traces_; }
    const RecordingReader& reader(const Trace& trace) const { return readers_[trace.recording]; }
    const std::string& path(const Trace& trace) const { return readers_[trace.recording].path(); }
    const std::vector<RecordingReader>& readers() const { return readers_; }

    /// Whether they may hold both ends of a connection between hosts.
    bool have_several_hosts() const;
    /// Whether the recorded verdicts are those that our rules make, with the user's own advice of that
    /// digest.
    bool are_of_our_rules(const std::string& advice_digest) const;
    /// Whether every incident has its row: what nobody was told of gets one when its endpoint or the trace
    /// ends.
    bool have_ended() const;
    /// Whether the path names one of the files: to write there would destroy it.
    bool include(const std::string& path) const;
    /// What was left out, or is told twice: whole sentences.
    const std::vector<std::string>& notes() const { return notes_; }

private:
    Status add_recording(const std::string& path);
    bool add(TraceContext&& context);
    void note_overlaps();

    std::vector<RecordingReader> readers_;
    std::vector<Trace> traces_;
    std::vector<std::string> notes_;
};

}  // namespace pipetrace
