// Which hook makes which observation on this kernel: a table of choices, best first, against what
// the kernel allows. Pure: no file, no system call.
#pragma once

#include "model/observation.h"
#include "model/options.h"
#include "model/result.h"
#include "pipetrace_abi.h"
#include "source/kernel_features.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace pipetrace {

struct PlanRequest {
    std::optional<Mode> mode;  ///< not set: the best that the kernel allows
    ErrorsMode errors = ErrorsMode::kExact;
    /// Programs that this kernel refused when they were tried, with its reason.
    std::map<std::string, std::string, std::less<>> refused;
    /// Observations, by name, that are not to be made.
    std::vector<std::string> left_out{};
};

struct HookPlan {
    Mode mode = Mode::kTracepoint;
    std::vector<std::string> programs;  ///< BPF programs to load, sorted
    pt_config config{};
    HookReport report;
};

/// Everything the table mentions, for probe_kernel_features().
FeatureRequest wanted_features();

Result<HookPlan> make_hook_plan(const KernelFeatures& features, const PlanRequest& request);

}  // namespace pipetrace
