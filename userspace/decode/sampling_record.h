// The one record that userspace makes itself: that `serve` tells a share of all connections from now on.
#pragma once

#include "model/event.h"

#include <cstddef>
#include <vector>

namespace pipetrace {

/// As the decoder takes it.
std::vector<std::byte> sampling_record(const SamplingChanged& sampling, Ktime at);

}  // namespace pipetrace
