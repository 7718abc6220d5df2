#include "model/utf8.h"

namespace pipetrace {

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

}  // namespace pipetrace
