// What a recording knows of the processes in its incidents.
#pragma once

#include "app/process_lookup.h"
#include "model/result.h"
#include "model/trace_context.h"
#include "store/recording_reader.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

namespace pipetrace {

class RecordedProcesses final : public ProcessLookup {
public:
    /// `reader` must outlive it.
    RecordedProcesses(const RecordingReader& reader, std::int64_t trace_id)
        : reader_(reader), trace_id_(trace_id) {}

    /// Adds what had been read last by then, else what was read first.
    void describe(InvolvedProcess& process, Ktime at) override;

    /// The first that could not be read.
    const Status& damage() const { return damage_; }

private:
    static constexpr std::size_t kProcessesMax = 4096;
    using History = std::vector<RecordedProcess>;

    const History& history_of(const ProcessId& process);

    const RecordingReader& reader_;
    std::int64_t trace_id_;
    std::map<ProcessId, History> known_;
    Status damage_ = Done{};
};

}  // namespace pipetrace
