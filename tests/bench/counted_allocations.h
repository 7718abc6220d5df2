// Counts what this program takes from the heap by operator new; linking counted_allocations.cpp replaces it.
#pragma once

#include <cstdint>

namespace pipetrace::testing {

struct Allocations {
    std::uint64_t count = 0;  ///< calls of operator new since the start
    std::uint64_t live = 0;   ///< of those, not given back yet
};

Allocations allocations_so_far();

}  // namespace pipetrace::testing
