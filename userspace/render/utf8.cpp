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
