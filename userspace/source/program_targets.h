// Tells libbpf which kernel type each program hooks. Left to itself it reads and indexes all of the kernel's
// types for that, which KernelBtf has just done.
#pragma once

#include "source/kernel_features.h"

namespace pipetrace {

/// From now on, programs that are opened get their targets from `features`, which stays until they are
/// loaded.
void take_targets_from(const KernelFeatures& features);

}  // namespace pipetrace
