#include "render/entry_details.h"

#include "model/errno_name.h"
#include "model/quantity_text.h"
#include "render/utf8.h"

namespace pipetrace {

std::string plain_value(const Details::Value& value) {
    if (const auto* text = std::get_if<std::string>(&value)) return terminal_safe(*text);
    if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "yes" : "no";
    return std::to_string(std::get<std::int64_t>(value));
}

std::string EntryDetails::text(const char* key) const {
    const auto found = entry_.detail.find(key);
    return found == entry_.detail.end() ? std::string() : plain_value(found->second);
}

std::optional<std::int64_t> EntryDetails::number(const char* key) const {
    const auto found = entry_.detail.find(key);
    if (found == entry_.detail.end()) return std::nullopt;
    const auto* number = std::get_if<std::int64_t>(&found->second);
    return number != nullptr ? std::optional<std::int64_t>(*number) : std::nullopt;
}

bool EntryDetails::flag(const char* key) const {
    const auto found = entry_.detail.find(key);
    if (found == entry_.detail.end()) return false;
    const auto* flag = std::get_if<bool>(&found->second);
    return flag != nullptr && *flag;
}

bool EntryDetails::denied(const char* key) const { return entry_.detail.contains(key) && !flag(key); }

std::string EntryDetails::error(const char* key) const {
    const auto value = number(key);
    if (!value) return text(key);
    return *value == 0 ? std::string() : errno_name(static_cast<int>(*value));
}

std::string EntryDetails::signal(const char* key) const {
    const auto value = number(key);
    if (!value) return text(key);
    return *value == 0 ? std::string() : signal_text(static_cast<int>(*value));
}

}  // namespace pipetrace
