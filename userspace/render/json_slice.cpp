#include "render/json_slice.h"

#include <algorithm>

namespace pipetrace {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

std::size_t skip_space(std::string_view text, std::size_t at) {
    return std::min(text.find_first_not_of(kSpace, at), text.size());
}

/// `at` is on the opening quote; the result is behind the closing one.
std::size_t skip_string(std::string_view text, std::size_t at) {
    for (++at; at < text.size() && text[at] != '"'; ++at) {
        if (text[at] == '\\') ++at;
    }
    return std::min(at + 1, text.size());
}

/// Behind the value that begins at `at`: no recursion, so depth costs no stack.
std::size_t skip_value(std::string_view text, std::size_t at) {
    std::size_t depth = 0;
    while (at < text.size()) {
        const char c = text[at];
        if (c == '"') {
            at = skip_string(text, at);
            if (depth == 0) return at;
            continue;
        }
        if (c == '{' || c == '[') ++depth;
        if (c == '}' || c == ']') {
            if (depth == 0) return at;
            if (--depth == 0) return at + 1;
        }
        if (depth == 0 && (c == ',' || c == ':' || kSpace.find(c) != kSpace.npos)) return at;
        ++at;
    }
    return at;
}

/// Walks over the values between the brackets that `text` begins with, until `visit` returns true.
template <typename Visit>
void each_value(std::string_view text, Visit visit) {
    for (std::size_t at = skip_space(text, 1); at < text.size();) {
        const std::size_t end = skip_value(text, at);
        if (end == at || visit(text.substr(at, end - at))) return;
        at = skip_space(text, end);
        if (at < text.size() && (text[at] == ',' || text[at] == ':')) at = skip_space(text, at + 1);
    }
}

}  // namespace

JsonSlice JsonSlice::operator[](std::string_view name) const {
    JsonSlice found("null");
    if (!text_.starts_with('{')) return found;
    bool is_name = false;
    bool is_wanted = false;
    each_value(text_, [&](std::string_view value) {
        is_name = !is_name;
        if (!is_name && is_wanted) {
            found = JsonSlice(value);
            return true;
        }
        is_wanted = is_name && value.size() == name.size() + 2 && value.substr(1, name.size()) == name;
        return false;
    });
    return found;
}

std::vector<JsonSlice> JsonSlice::items() const {
    std::vector<JsonSlice> found;
    if (!text_.starts_with('[')) return found;
    each_value(text_, [&](std::string_view value) {
        found.emplace_back(value);
        return false;
    });
    return found;
}

}  // namespace pipetrace
