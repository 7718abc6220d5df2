#include "render/json_text.h"

#include "model/utc_text.h"
#include "model/utf8.h"

#include <algorithm>
#include <cstdint>

namespace pipetrace {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD
constexpr std::size_t kEscapeMax = 6;                      // "\u001b"

/// Printable ASCII that stands for itself: nearly everything that comes.
constexpr bool is_plain(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

/// Written so that a compiler makes a few vector instructions of it.
template <std::size_t kBytes>
bool all_plain(const char* text) {
    unsigned char any = 0;
    for (std::size_t i = 0; i < kBytes; ++i) any |= static_cast<unsigned char>(!is_plain(text[i]));
    return any == 0;
}

/// Copies as far as it is plain; returns how far.
std::size_t copy_plain(char* to, std::string_view text) {
    constexpr std::size_t kStep = 16;
    std::size_t at = 0;
    for (; at + kStep <= text.size() && all_plain<kStep>(text.data() + at); at += kStep) {
        std::memcpy(to + at, text.data() + at, kStep);
    }
    for (; at < text.size() && is_plain(text[at]); ++at) to[at] = text[at];
    return at;
}

}  // namespace

void JsonText::grow(std::size_t bytes) {
    constexpr std::size_t kUsual = 4096;  // of one incident; the string itself grows by doubling
    const std::size_t used = length();
    out_.resize(used + std::max(bytes, kUsual));
    begin_ = out_.data();
    end_ = begin_ + out_.size();
    at_ = begin_ + used;
}

void JsonText::escape(char32_t code) {
    switch (code) {
        case '"': *this += "\\\""; return;
        case '\\': *this += "\\\\"; return;
        case '\n': *this += "\\n"; return;
        case '\t': *this += "\\t"; return;
        case '\r': *this += "\\r"; return;
        default: break;
    }
    *this += "\\u";
    for (int shift = 12; shift >= 0; shift -= 4) *this += "0123456789abcdef"[(code >> shift) & 0xf];
}

void JsonText::value(std::string_view text) {
    room(text.size() * kEscapeMax + 2);
    *this += '"';
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t plain = copy_plain(at_, text.substr(at));
        at_ += plain;
        at += plain;
        if (at == text.size()) break;
        const Utf8Step step = decode_utf8(text, at);
        // U+2028 and U+2029 are legal JSON but end a line in JavaScript and some readers.
        const bool ends_line = step.code == 0x2028 || step.code == 0x2029;
        if (!step.valid) {
            *this += kReplacement;
        } else if (step.code < 0xa0 || ends_line) {
            escape(step.code);
        } else {
            *this += text.substr(at, step.size);
        }
        at += step.size;
    }
    *this += '"';
}

void JsonText::value(WallTime at) {
    *this += '"';
    *this += utc_text(at).view();
    *this += '"';
}

}  // namespace pipetrace
