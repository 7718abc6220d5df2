// Tells libbpf which kernel type each program hooks. Left to itself it reads and indexes all of the kernel's
// types for that, which KernelBtf has just done.
#pragma once

#include "source/kernel_features.h"

namespace pipetrace {

class ConcurrentLoads;

/// From now on, programs that are opened get their targets from `features`, which stays until they are
/// loaded; and `loads` loads them, or libbpf itself if it is null.
void take_targets_from(const KernelFeatures& features, ConcurrentLoads* loads);

}  // namespace pipetrace
