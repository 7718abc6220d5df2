#include "render/json_append.h"

#include "render/utf8.h"

#include <fmt/format.h>

#include <ctime>

namespace pipetrace {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

/// Printable ASCII that stands for itself: nearly everything that comes.
bool is_plain(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 && byte < 0x7f && c != '"' && c != '\\';
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
        while (at < text.size() && is_plain(text[at])) ++at;
        out += text.substr(start, at - start);
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

std::string utc_time(WallTime at) {
    constexpr std::int64_t kSecond = 1'000'000'000;
    std::int64_t seconds = at.ns / kSecond;
    std::int64_t rest_ns = at.ns % kSecond;
    if (rest_ns < 0) {
        rest_ns += kSecond;
        --seconds;
    }
    const std::time_t clock = seconds;
    std::tm date{};
    ::gmtime_r(&clock, &date);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", date.tm_year + 1900, date.tm_mon + 1,
                       date.tm_mday, date.tm_hour, date.tm_min, date.tm_sec, rest_ns / 1000);
}

}  // namespace pipetrace
