#include "render/text_layout.h"

#include "render/utf8.h"

#include <algorithm>

namespace pipetrace {
namespace {

const char* escape_of(Paint colour) {
    switch (colour) {
        case Paint::kBold: return "\x1b[1m";
        case Paint::kDim: return "\x1b[2m";
        case Paint::kRed: return "\x1b[31m";
        case Paint::kYellow: return "\x1b[33m";
        case Paint::kGreen: return "\x1b[32m";
        case Paint::kNone: break;
    }
    return "";
}

std::string spaces_to(std::string_view text, std::size_t columns) {
    const std::size_t taken = display_width(text);
    return std::string(taken < columns ? columns - taken : 0, ' ');
}

}  // namespace

std::string paint(std::string_view text, Paint colour, bool enabled) {
    if (!enabled || colour == Paint::kNone || text.empty()) return std::string(text);
    return escape_of(colour) + std::string(text) + "\x1b[0m";
}

std::vector<std::string> wrap(std::string_view text, std::size_t width) {
    std::vector<std::string> lines;
    std::size_t taken = 0;  // by the last of them
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find(' ', at), text.size());
        const std::string_view word = text.substr(at, end - at);
        at = end + 1;
        if (word.empty()) continue;
        const std::size_t columns = display_width(word);
        if (!lines.empty() && taken + 1 + columns <= width) {
            lines.back().append(" ").append(word);
            taken += 1 + columns;
        } else {
            lines.emplace_back(word);
            taken = columns;
        }
    }
    return lines;
}

std::string labelled(std::string_view label, std::string_view text, std::size_t indent, std::size_t width) {
    const std::vector<std::string> lines = wrap(text, width > indent ? width - indent : 1);
    std::string out;
    std::string lead = pad_right(label, indent);
    for (const std::string& line : lines) {
        out += lead + line + '\n';
        lead.assign(indent, ' ');
    }
    return out;
}

std::string wrap_items(const std::vector<std::string>& items, std::size_t indent, std::size_t width) {
    std::string out;
    std::string line;
    for (std::size_t i = 0; i < items.size(); ++i) {
        const std::string item = items[i] + (i + 1 < items.size() ? "," : "");
        const std::size_t columns = indent + display_width(line) + 1 + display_width(item);
        if (!line.empty() && columns > width) {
            out += std::string(indent, ' ') + line + '\n';
            line.clear();
        }
        if (!line.empty()) line += ' ';
        line += item;
    }
    if (!line.empty()) out += std::string(indent, ' ') + line + '\n';
    return out;
}

std::string pad_right(std::string_view text, std::size_t columns) {
    return std::string(text) + spaces_to(text, columns);
}

std::string pad_left(std::string_view text, std::size_t columns) {
    return spaces_to(text, columns) + std::string(text);
}

}  // namespace pipetrace
