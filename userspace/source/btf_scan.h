// One pass over the kernel's type information for the few names wanted: libbpf would index all of it,
// which costs more than everything else that a start does.
#pragma once

#include "model/result.h"
#include "source/kernel_features.h"

#include <cstddef>
#include <span>
#include <string>

namespace pipetrace {

struct ScannedTargets {
    TargetFacts functions;
    TargetFacts tracepoints;
};

/// `btf` is a whole BTF file (/sys/kernel/btf/vmlinux).
Result<ScannedTargets> scan_btf(std::span<const std::byte> btf, const FeatureRequest& request);

Result<ScannedTargets> scan_kernel_btf(const std::string& path, const FeatureRequest& request);

}  // namespace pipetrace
