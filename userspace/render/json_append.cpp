#include "render/json_append.h"

#include "render/utf8.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace pipetrace {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

/// Printable ASCII that stands for itself: nearly everything that comes.
constexpr std::array<bool, 256> kPlain = [] {
    std::array<bool, 256> plain{};
    for (std::size_t byte = 0x20; byte < 0x7f; ++byte) plain[byte] = byte != '"' && byte != '\\';
    return plain;
}();

/// Nonzero if any of the eight bytes is not plain; exact for each byte below which all are plain.
std::uint64_t not_plain(std::uint64_t bytes) {
    constexpr std::uint64_t kOnes = 0x0101010101010101;
    constexpr std::uint64_t kHighs = kOnes << 7;
    const auto is = [](std::uint64_t word, unsigned char byte) {
        const std::uint64_t differs = word ^ kOnes * byte;
        return (differs - kOnes) & ~differs;
    };
    const std::uint64_t below_space = bytes - kOnes * 0x20;
    return (bytes | below_space | is(bytes, '"') | is(bytes, '\\') | is(bytes, 0x7f)) & kHighs;
}

std::size_t plain_until(std::string_view text, std::size_t at) {
    for (std::uint64_t bytes = 0; at + sizeof bytes <= text.size(); at += sizeof bytes) {
        std::memcpy(&bytes, text.data() + at, sizeof bytes);
        if (not_plain(bytes) != 0) break;
    }
    while (at < text.size() && kPlain[static_cast<unsigned char>(text[at])]) ++at;
    return at;
}

/// The last `count` decimal digits.
void write_digits(char* place, int count, std::int64_t value) {
    while (count-- > 0) {
        place[count] = static_cast<char>('0' + value % 10);
        value /= 10;
    }
}

void append_escape(std::string& out, char32_t code) {
    switch (code) {
        case '"': out += "\\\""; return;
        case '\\': out += "\\\\"; return;
        case '\n': out += "\\n"; return;
        case '\t': out += "\\t"; return;
        case '\r': out += "\\r"; return;
        default: break;
    }
    out += "\\u";
    for (int shift = 12; shift >= 0; shift -= 4) out += "0123456789abcdef"[(code >> shift) & 0xf];
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
    out += '"';
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t start = at;
        at = plain_until(text, start);
        out.append(text.data() + start, at - start);
        if (at == text.size()) break;
        const Utf8Step step = decode_utf8(text, at);
        // U+2028 and U+2029 are legal JSON but end a line in JavaScript and some readers.
        const bool ends_line = step.code == 0x2028 || step.code == 0x2029;
        if (!step.valid) {
            out += kReplacement;
        } else if (step.code < 0xa0 || ends_line) {
            append_escape(out, step.code);
        } else {
            out += text.substr(at, step.size);
        }
        at += step.size;
    }
    out += '"';
}

void append_keyed(std::string& out, std::string_view key, std::string_view text) {
    constexpr std::size_t kShort = 64;
    if (text.size() > kShort || plain_until(text, 0) < text.size()) {
        out += key;
        append_json_string(out, text);
        return;
    }
    char piece[JsonKey::kLengthMax + kShort + 2];
    char* end = std::copy(key.begin(), key.end(), piece);
    *end++ = '"';
    end = std::copy(text.begin(), text.end(), end);
    *end++ = '"';
    out.append(piece, end);
}

void append_utc_time(std::string& out, WallTime at) {
    using namespace std::chrono;
    const sys_time<nanoseconds> time{nanoseconds(at.ns)};
    const auto day = floor<days>(time);
    const year_month_day date(day);
    const hh_mm_ss clock(floor<microseconds>(time - day));
    // Of 27 places those of the date and time are written over.
    char text[] = "\"0000-00-00T00:00:00.000000Z\"";
    write_digits(text + 1, 4, static_cast<int>(date.year()));
    write_digits(text + 6, 2, static_cast<unsigned>(date.month()));
    write_digits(text + 9, 2, static_cast<unsigned>(date.day()));
    write_digits(text + 12, 2, clock.hours().count());
    write_digits(text + 15, 2, clock.minutes().count());
    write_digits(text + 18, 2, clock.seconds().count());
    write_digits(text + 21, 6, clock.subseconds().count());
    out.append(text, sizeof text - 1);
}

}  // namespace pipetrace
