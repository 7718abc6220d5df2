#include "model/utf8.h"

#include "model/code_range.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace pipetrace {
namespace {

// Invisible, or able to reorder what stands around them. U+200C and U+200D stay: Persian and
// joined emoji need them, and they move nothing.
constexpr CodeRange kDeceptive[] = {{0x80, 0x9f},     {0xad, 0xad},      {0x61c, 0x61c},   {0x200b, 0x200b},
                                    {0x200e, 0x200f}, {0x2028, 0x202e},  {0x2060, 0x206f}, {0xfeff, 0xfeff},
                                    {0xfff9, 0xfffb}, {0xe0000, 0xe007f}};

void append_hex(std::string& out, char32_t value, int digits) {
    for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) {
        out += "0123456789abcdef"[(value >> shift) & 0xf];
    }
}

}  // namespace

Utf8Step decode_utf8(std::string_view text, std::size_t at) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = byte(at);
    if (lead < 0x80) return {lead, 1, true};
    const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    constexpr char32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
    const Utf8Step invalid{lead, 1, false};
    if (lead < 0xc2 || lead > 0xf4 || text.size() - at < size) return invalid;
    char32_t code = lead & (0xffU >> (size + 1));
    for (std::size_t i = at + 1; i < at + size; ++i) {
        if ((byte(i) & 0xc0) != 0x80) return invalid;
        code = (code << 6) | (byte(i) & 0x3fU);
    }
    const bool surrogate = code >= 0xd800 && code <= 0xdfff;
    if (code < kSmallest[size] || code > 0x10ffff || surrogate) return invalid;
    return {code, size, true};
}

bool is_ascii(std::string_view text) {
    using Word = std::uint64_t;
    constexpr Word kHighBits = 0x8080808080808080ULL;
    Word bits = 0;
    std::size_t at = 0;
    for (; text.size() - at >= sizeof(Word); at += sizeof(Word)) {
        Word word = 0;
        std::memcpy(&word, text.data() + at, sizeof(word));
        bits |= word;
    }
    for (; at < text.size(); ++at) bits |= static_cast<unsigned char>(text[at]);
    return (bits & kHighBits) == 0;
}

std::string valid_utf8(std::string_view text) {
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
        const Utf8Step step = decode_utf8(text, at);
        out += step.valid ? text.substr(at, step.size) : kReplacementCharacter;
        at += step.size;
    }
    return out;
}

std::string terminal_safe(std::string_view text) {
    const auto is_printable = [](char c) { return c >= 0x20 && c < 0x7f; };
    if (std::ranges::all_of(text, is_printable)) return std::string(text);
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
        const Utf8Step step = decode_utf8(text, at);
        if (!step.valid || step.code < 0x20 || step.code == 0x7f) {
            out += "\\x";
            append_hex(out, step.code, 2);
        } else if (within(kDeceptive, step.code)) {
            out += step.code > 0xffff ? "\\U" : "\\u";
            append_hex(out, step.code, step.code > 0xffff ? 8 : 4);
        } else {
            out += text.substr(at, step.size);
        }
        at += step.size;
    }
    return out;
}

}  // namespace pipetrace
