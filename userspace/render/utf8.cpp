#include "render/utf8.h"

#include <algorithm>
#include <iterator>

namespace pipetrace {
namespace {

struct CodeRange {
    char32_t first;
    char32_t last;
};

// Invisible, or able to reorder what stands around them. U+200C and U+200D stay: Persian and
// joined emoji need them, and they move nothing.
constexpr CodeRange kDeceptive[] = {{0x80, 0x9f},     {0xad, 0xad},      {0x61c, 0x61c},   {0x200b, 0x200b},
                                    {0x200e, 0x200f}, {0x2028, 0x202e},  {0x2060, 0x206f}, {0xfeff, 0xfeff},
                                    {0xfff9, 0xfffb}, {0xe0000, 0xe007f}};
constexpr CodeRange kNoWidth[] = {
    {0x300, 0x36f}, {0x200c, 0x200d}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}};
constexpr CodeRange kWide[] = {{0x1100, 0x115f}, {0x2e80, 0xa4cf},   {0xac00, 0xd7a3},
                               {0xf900, 0xfaff}, {0xfe30, 0xfe6f},   {0xff00, 0xff60},
                               {0xffe0, 0xffe6}, {0x1f300, 0x1faff}, {0x20000, 0x3fffd}};

template <std::size_t N>
bool within(const CodeRange (&ranges)[N], char32_t code) {
    return std::any_of(std::begin(ranges), std::end(ranges),
                       [code](const CodeRange& range) { return code >= range.first && code <= range.last; });
}

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

std::string terminal_safe(std::string_view text) {
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

std::size_t display_width(std::string_view text) {
    std::size_t width = 0;
    for (std::size_t at = 0; at < text.size();) {
        const Utf8Step step = decode_utf8(text, at);
        if (within(kWide, step.code)) {
            width += 2;
        } else if (!within(kNoWidth, step.code)) {
            width += 1;
        }
        at += step.size;
    }
    return width;
}

}  // namespace pipetrace
