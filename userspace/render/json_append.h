// Appending JSON values to a string. A field is a separator, a quoted name and a value.
#pragma once

#include "model/ktime.h"

#include <algorithm>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace pipetrace {

/// Appends `text` as a JSON string, quotes included. What is not UTF-8 becomes U+FFFD, one for
/// each byte; control characters, U+2028 and U+2029 are escaped.
void append_json_string(std::string& out, std::string_view text);

/// Appends "2026-01-02T03:04:05.123456Z", quotes included.
void append_utc_time(std::string& out, WallTime at);

/// A field's name with what stands before and after it, put together by the compiler: `,"pid":`.
class JsonKey {
public:
    static constexpr std::size_t kLengthMax = 32;

    /// `name` needs no escaping.
    consteval JsonKey(const char* name) {
        text_[length_++] = ',';
        text_[length_++] = '"';
        for (; *name != '\0'; ++name) text_[length_++] = *name;
        text_[length_++] = '"';
        text_[length_++] = ':';
    }
    std::string_view after_another() const { return {text_, length_}; }
    std::string_view first() const { return {text_ + 1, length_ - 1}; }

private:
    char text_[kLengthMax]{};
    std::size_t length_ = 0;
};

inline void append_key(std::string& out, const JsonKey& key) { out += key.after_another(); }

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

/// `key` is what comes before the value. Short values go along with it in one piece.
void append_keyed(std::string& out, std::string_view key, std::string_view text);
void append_keyed(std::string& out, std::string_view key, std::integral auto number) {
    if constexpr (std::same_as<decltype(number), bool>) {
        out += key;
        append_value(out, number);
    } else {
        char piece[JsonKey::kLengthMax + 24];
        char* end = std::copy(key.begin(), key.end(), piece);
        end = std::to_chars(end, std::end(piece), +number).ptr;
        out.append(piece, end);
    }
}
template <typename T>
void append_keyed(std::string& out, std::string_view key, const std::optional<T>& value) {
    if (value) {
        append_keyed(out, key, *value);
    } else {
        out += key;
        out += "null";
    }
}

template <typename T>
void append_field(std::string& out, const JsonKey& key, const T& value) {
    append_keyed(out, key.after_another(), value);
}

/// The first of an object has no comma before it.
template <typename T>
void append_first_field(std::string& out, const JsonKey& key, const T& value) {
    append_keyed(out, key.first(), value);
}

/// `append_item` appends one item's value.
template <typename Items, typename AppendItem>
void append_array(std::string& out, const JsonKey& key, const Items& items, AppendItem append_item) {
    append_key(out, key);
    out += '[';
    bool is_first = true;
    for (const auto& item : items) {
        if (!std::exchange(is_first, false)) out += ',';
        append_item(item);
    }
    out += ']';
}

/// An enumerator in its spelling, or null.
template <typename Enum>
void append_named(std::string& out, const JsonKey& key, const std::optional<Enum>& value,
                  const char* (*spelling)(Enum)) {
    append_field(out, key, value ? std::optional<std::string_view>(spelling(*value)) : std::nullopt);
}

}  // namespace pipetrace
