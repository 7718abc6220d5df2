// Ranges of code points, for the tables of characters that are treated alike.
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>

namespace pipetrace {

struct CodeRange {
    char32_t first;
    char32_t last;
};

template <std::size_t N>
bool within(const CodeRange (&ranges)[N], char32_t code) {
    return std::any_of(std::begin(ranges), std::end(ranges),
                       [code](const CodeRange& range) { return code >= range.first && code <= range.last; });
}

}  // namespace pipetrace
