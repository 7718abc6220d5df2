#include "render/html_text.h"

#include "render/utf8.h"

#include <algorithm>
#include <cstddef>

namespace pipetrace {
namespace {

constexpr std::string_view kLineSeparator = "\xe2\x80\xa8";       // U+2028
constexpr std::string_view kParagraphSeparator = "\xe2\x80\xa9";  // U+2029

}  // namespace

std::string markup_safe(std::string_view text) {
    std::string out;
    for (const char c : terminal_safe(text)) {
        switch (c) {
            case '<': out += "&lt;"; break;
            case '>': out += "&gt;"; break;
            case '&': out += "&amp;"; break;
            case '"': out += "&quot;"; break;
            case '\'': out += "&#39;"; break;
            default: out += c; break;
        }
    }
    return out;
}

void append_in_script(std::string& out, std::string_view json) {
    constexpr std::string_view kSuspects = "<>&\xe2";
    while (!json.empty()) {
        const std::size_t plain = std::min(json.find_first_of(kSuspects), json.size());
        out += json.substr(0, plain);
        json.remove_prefix(plain);
        if (json.empty()) return;
        std::size_t taken = 1;
        if (json.front() == '<') {
            out += "\\u003c";
        } else if (json.front() == '>') {
            out += "\\u003e";
        } else if (json.front() == '&') {
            out += "\\u0026";
        } else if (json.starts_with(kLineSeparator) || json.starts_with(kParagraphSeparator)) {
            out += json.starts_with(kLineSeparator) ? "\\u2028" : "\\u2029";
            taken = kLineSeparator.size();
        } else {
            out += json.front();
        }
        json.remove_prefix(taken);
    }
}

}  // namespace pipetrace
