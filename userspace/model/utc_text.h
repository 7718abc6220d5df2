// A time as JSON and recordings have it.
#pragma once

#include "model/ktime.h"

#include <array>
#include <string_view>

namespace pipetrace {

struct UtcText {
    std::array<char, 27> bytes;

    std::string_view view() const { return {bytes.data(), bytes.size()}; }
};

/// "2026-01-02T03:04:05.123456Z"; rounded down to a microsecond.
UtcText utc_text(WallTime at);

}  // namespace pipetrace
