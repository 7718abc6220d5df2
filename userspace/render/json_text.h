// Writing JSON at the end of a string. Every incident passes through here, in a storm tens of thousands a
// second: a piece is one copy into room that was made before, without a call.
#pragma once

#include "model/ktime.h"

#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace pipetrace {

/// A field's name with what stands before and after it, put together by the compiler: `,"pid":`.
class JsonKey {
public:
    static constexpr std::size_t kBytes = 32;  ///< copied as a whole, however short it is

    /// `name` needs no escaping.
    consteval JsonKey(const char* name) {
        text_[length_++] = ',';
        text_[length_++] = '"';
        for (; *name != '\0'; ++name) text_[length_++] = *name;
        text_[length_++] = '"';
        text_[length_++] = ':';
    }
    const char* text() const { return text_; }
    std::size_t length() const { return length_; }

private:
    char text_[kBytes + 1]{};
    std::size_t length_ = 0;
};

class JsonText {
public:
    /// `out` has its final length when this is destroyed, and must not be touched before.
    explicit JsonText(std::string& out)
        : out_(out), begin_(out.data()), end_(begin_ + out.size()), at_(end_) {}
    ~JsonText() { out_.resize(length()); }
    JsonText(const JsonText&) = delete;
    JsonText& operator=(const JsonText&) = delete;

    JsonText& operator+=(char c) {
        *room(1) = c;
        ++at_;
        return *this;
    }
    /// As it stands.
    JsonText& operator+=(std::string_view text) {
        std::memcpy(room(text.size()), text.data(), text.size());
        at_ += text.size();
        return *this;
    }

    void key(const JsonKey& key) {
        std::memcpy(room(JsonKey::kBytes), key.text(), JsonKey::kBytes);
        at_ += key.length();
    }
    /// The first of an object has no comma before it.
    void first_key(const JsonKey& key) {
        std::memcpy(room(JsonKey::kBytes), key.text() + 1, JsonKey::kBytes);
        at_ += key.length() - 1;
    }

    /// As a JSON string, quotes included. What is not UTF-8 becomes U+FFFD, one for each byte; control
    /// characters, U+2028 and U+2029 are escaped.
    void value(std::string_view text);
    void value(const std::string& text) { value(std::string_view(text)); }
    void value(const char* text) { value(std::string_view(text)); }
    void value(std::same_as<bool> auto flag) { *this += flag ? std::string_view("true") : "false"; }
    template <std::integral Number>
    requires(!std::same_as<Number, bool>) void value(Number number) {
        constexpr std::size_t kDigitsMax = 24;
        char* place = room(kDigitsMax);
        at_ = std::to_chars(place, place + kDigitsMax, +number).ptr;
    }
    /// "2026-01-02T03:04:05.123456Z", quotes included.
    void value(WallTime at);
    template <typename T>
    void value(const std::optional<T>& held) {
        if (held) {
            value(*held);
        } else {
            *this += "null";
        }
    }

    template <typename T>
    void field(const JsonKey& name, const T& held) {
        key(name);
        value(held);
    }
    template <typename T>
    void first_field(const JsonKey& name, const T& held) {
        first_key(name);
        value(held);
    }
    /// An enumerator in its spelling, or null.
    template <typename Enum>
    void named(const JsonKey& name, const std::optional<Enum>& held, const char* (*spelling)(Enum)) {
        field(name, held ? std::optional<std::string_view>(spelling(*held)) : std::nullopt);
    }
    /// `append_item` appends one item's value.
    template <typename Items, typename AppendItem>
    void array(const JsonKey& name, const Items& items, AppendItem append_item) {
        key(name);
        *this += '[';
        bool is_first = true;
        for (const auto& item : items) {
            if (!std::exchange(is_first, false)) *this += ',';
            append_item(item);
        }
        *this += ']';
    }

private:
    std::size_t length() const { return static_cast<std::size_t>(at_ - begin_); }

    /// Where the next `bytes` go.
    char* room(std::size_t bytes) {
        if (static_cast<std::size_t>(end_ - at_) < bytes) grow(bytes);
        return at_;
    }
    void grow(std::size_t bytes);
    void append_escaped(std::string_view text);
    void escape(char32_t code);

    std::string& out_;
    char* begin_;
    char* end_;
    char* at_;
};

}  // namespace pipetrace
