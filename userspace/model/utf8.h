// Text from processes is bytes, which may be UTF-8.
#pragma once

#include <cstddef>
#include <string_view>

namespace pipetrace {

/// One step of decoding. Where the bytes are no UTF-8 (overlong and surrogates included),
/// `valid` is false, `size` 1 and `code` the byte.
struct Utf8Step {
    char32_t code = 0;
    std::size_t size = 1;
    bool valid = true;
};
/// `at` < text.size().
Utf8Step decode_utf8(std::string_view text, std::size_t at);

}  // namespace pipetrace
