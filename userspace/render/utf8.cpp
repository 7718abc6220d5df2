#include "render/utf8.h"

#include "model/code_range.h"

namespace pipetrace {
namespace {

constexpr CodeRange kNoWidth[] = {
    {0x300, 0x36f}, {0x200c, 0x200d}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}};
constexpr CodeRange kWide[] = {{0x1100, 0x115f}, {0x2e80, 0xa4cf},   {0xac00, 0xd7a3},
                               {0xf900, 0xfaff}, {0xfe30, 0xfe6f},   {0xff00, 0xff60},
                               {0xffe0, 0xffe6}, {0x1f300, 0x1faff}, {0x20000, 0x3fffd}};

}  // namespace

std::size_t display_width(std::string_view text) {
    if (is_ascii(text)) return text.size();
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
