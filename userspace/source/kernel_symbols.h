// Where a kernel function lies in memory, from /proc/kallsyms.
#pragma once

#include <cstdint>
#include <istream>
#include <optional>
#include <string_view>

namespace pipetrace {

struct CodeRange {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;  ///< where the next function begins
};

/// Empty where there is none of that name, or kptr_restrict hides addresses.
std::optional<CodeRange> find_kernel_function(std::string_view name);

/// The same in a text laid out as /proc/kallsyms is ("ADDRESS TYPE NAME", in no order).
std::optional<CodeRange> find_function_in(std::istream& symbols, std::string_view name);

}  // namespace pipetrace
