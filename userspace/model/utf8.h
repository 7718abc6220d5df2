// Text from processes is bytes, which may be UTF-8: made harmless where people read it.
#pragma once

#include <cstddef>
#include <string>
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

/// Nothing but ASCII: each byte is a character.
bool is_ascii(std::string_view text);

/// U+FFFD: stands for a byte that is not UTF-8, where text has to be.
inline constexpr std::string_view kReplacementCharacter = "\xef\xbf\xbd";
std::string valid_utf8(std::string_view text);

/// What cannot be printed safely becomes "\x1b": control characters, bytes that are not UTF-8;
/// "\u202e": characters that are invisible or turn the writing direction, C1 controls. A
/// backslash stays one: the result is to be read, not parsed.
std::string terminal_safe(std::string_view text);

}  // namespace pipetrace
