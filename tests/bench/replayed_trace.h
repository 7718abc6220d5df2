// A whole trace of a storm without a kernel: the program's own pipeline, fed by a ReplaySource.
#pragma once

#include "app/output_file.h"
#include "app/pipeline.h"
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
          pipeline_({options(json, output_path), {}, [] {}, [this] { return source_.now(); }}, source_,
                    output_) {}

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
    Pipeline pipeline_;
};

}  // namespace pipetrace::testing
