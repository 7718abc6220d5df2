// A whole trace of a storm without a kernel: the program's own pipeline, fed by a ReplaySource.
#pragma once

#include "app/incident_printer.h"
#include "app/output_file.h"
#include "app/pipeline.h"
#include "app/process_directory.h"
#include "replay_source.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace pipetrace::testing {

class ReplayedTrace {
public:
    /// Incidents go to the path, as JSON or as the text that -o gets.
    ReplayedTrace(bool json, const char* output_path)
        : output_(std::move(*OutputFile::create(output_path))),
          printer_({options(json, output_path), traced_.host, traced_.clocks, {}, [] {}}, output_),
          pipeline_({options(json, output_path), &advice_, traced_, [this] { return source_.now(); }, {}},
                    source_, processes_, printer_) {}

    ReplaySource& source() { return source_; }
    Pipeline& pipeline() { return pipeline_; }

    void run(std::size_t incidents) {
        // As often as a drain comes in a storm: about once a millisecond.
        constexpr std::size_t kBatch = 40;
        for (std::size_t done = 0; done < incidents; done += kBatch) {
            source_.prepare(std::min(kBatch, incidents - done));
            pipeline_.pump();
        }
    }

private:
    static Options options(bool json, const char* output_path) {
        Options options;
        options.json = json;
        options.output_path = output_path;
        return options;
    }

    ReplaySource source_;
    OutputFile output_;
    TracedHost traced_ = read_traced_host();
    const AdviceTable advice_;  ///< the shipped rows
    IncidentPrinter printer_;
    ProcessDirectory processes_{false};
    Pipeline pipeline_;
};

}  // namespace pipetrace::testing
