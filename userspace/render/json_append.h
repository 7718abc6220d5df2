// Appending JSON values to a string. A field is a separator, a quoted name and a value.
#pragma once

#include "model/ktime.h"

#include <charconv>
#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace pipetrace {

/// Appends `text` as a JSON string, quotes included. What is not UTF-8 becomes U+FFFD, one for
/// each byte; control characters, U+2028 and U+2029 are escaped.
void append_json_string(std::string& out, std::string_view text);

/// "2026-01-02T03:04:05.123456Z".
std::string utc_time(WallTime at);

inline void append_value(std::string& out, std::string_view text) { append_json_string(out, text); }
inline void append_value(std::string& out, const std::string& text) { append_json_string(out, text); }
inline void append_value(std::string& out, const char* text) { append_json_string(out, text); }
inline void append_value(std::string& out, std::same_as<bool> auto value) { out += value ? "true" : "false"; }

template <std::integral Number>
requires(!std::same_as<Number, bool>) void append_value(std::string& out, Number number) {
    char digits[24];
    const auto written = std::to_chars(digits, digits + sizeof digits, +number);
    out.append(digits, written.ptr);
}

template <typename T>
void append_value(std::string& out, const std::optional<T>& value) {
    if (value) {
        append_value(out, *value);
    } else {
        out += "null";
    }
}

/// `name` is one of ours and needs no escaping.
inline void append_key(std::string& out, std::string_view name, std::string_view separator = ",") {
    out += separator;
    out += '"';
    out += name;
    out += "\":";
}

template <typename T>
void append_field(std::string& out, std::string_view name, const T& value, std::string_view separator = ",") {
    append_key(out, name, separator);
    append_value(out, value);
}

/// `append_item` appends one item's value.
template <typename Items, typename AppendItem>
void append_array(std::string& out, std::string_view name, const Items& items, AppendItem append_item) {
    append_key(out, name);
    out += '[';
    const char* separator = "";
    for (const auto& item : items) {
        out += std::exchange(separator, ",");
        append_item(item);
    }
    out += ']';
}

/// An enumerator in its spelling, or null.
template <typename Enum>
void append_named(std::string& out, std::string_view name, const std::optional<Enum>& value,
                  const char* (*spelling)(Enum)) {
    append_key(out, name);
    if (value) {
        append_json_string(out, spelling(*value));
    } else {
        out += "null";
    }
}

}  // namespace pipetrace
