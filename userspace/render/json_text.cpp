#include "render/json_text.h"

#include "model/utc_text.h"
#include "model/utf8.h"

#include <algorithm>
#include <cstdint>

namespace pipetrace {
namespace {

constexpr std::size_t kEscapeMax = 6;  // "\u001b"

/// Printable ASCII that stands for itself: nearly everything that comes.
constexpr bool is_plain(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

constexpr std::uint64_t in_each_byte(unsigned char byte) { return 0x0101010101010101ULL * byte; }

/// The high bit of each byte that is not plain, and perhaps of one above it: 0 says that all eight are.
constexpr std::uint64_t marks_special(std::uint64_t word) {
    const auto marks_zero = [](std::uint64_t bytes) { return (bytes - in_each_byte(1)) & ~bytes; };
    const std::uint64_t low = word - in_each_byte(0x20);   // borrows below 0x20
    const std::uint64_t high = word + in_each_byte(0x01);  // carries into the high bit from 0x7f on
    return (word | low | high | marks_zero(word ^ in_each_byte('"')) |
            marks_zero(word ^ in_each_byte('\\'))) &
           in_each_byte(0x80);
}

template <typename Word>
std::uint64_t word_at(const char* text) {
    Word word = 0;
    std::memcpy(&word, text, sizeof(word));
    return word;
}

/// Every byte of a text of less than eight, some perhaps twice; spaces fill it up.
std::uint64_t short_word(std::string_view text) {
    if (text.size() >= 4) {
        return word_at<std::uint32_t>(text.data()) | word_at<std::uint32_t>(text.data() + text.size() - 4)
                                                         << 32;
    }
    std::uint64_t word = in_each_byte(' ');
    for (const char c : text) word = word << 8 | static_cast<unsigned char>(c);
    return word;
}

/// Eight bytes at a time, the last eight perhaps a second time.
bool is_all_plain(std::string_view text) {
    using Word = std::uint64_t;
    if (text.size() < sizeof(Word)) return marks_special(short_word(text)) == 0;
    const char* last = text.data() + text.size() - sizeof(Word);
    Word marks = marks_special(word_at<Word>(last));
    for (const char* at = text.data(); at < last; at += sizeof(Word))
        marks |= marks_special(word_at<Word>(at));
    return marks == 0;
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
    *this += '"';
    if (is_all_plain(text)) {
        *this += text;
    } else {
        append_escaped(text);
    }
    *this += '"';
}

void JsonText::append_escaped(std::string_view text) {
    room(text.size() * kEscapeMax);
    for (std::size_t at = 0; at < text.size();) {
        if (is_plain(text[at])) {
            *this += text[at++];
            continue;
        }
        const Utf8Step step = decode_utf8(text, at);
        // U+2028 and U+2029 are legal JSON but end a line in JavaScript and some readers.
        const bool ends_line = step.code == 0x2028 || step.code == 0x2029;
        if (!step.valid) {
            *this += kReplacementCharacter;
        } else if (step.code < 0xa0 || ends_line) {
            escape(step.code);
        } else {
            *this += text.substr(at, step.size);
        }
        at += step.size;
    }
}

void JsonText::value(WallTime at) {
    *this += '"';
    *this += utc_text(at).view();
    *this += '"';
}

}  // namespace pipetrace
