// A word as a hash.
#pragma once

#include <cstdint>

namespace pipetrace {

/// Each bit of the word moves about half of the result's.
constexpr std::uint64_t mixed_bits(std::uint64_t word) {
    word ^= word >> 33;
    word *= 0xff51afd7ed558ccdULL;
    word ^= word >> 33;
    word *= 0xc4ceb9fe1a85ec53ULL;
    return word ^ word >> 33;
}

}  // namespace pipetrace
