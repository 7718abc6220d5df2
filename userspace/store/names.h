// Names back to the values that they are of.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace pipetrace {

/// The enumerator from 0 to `last` that `name_of` calls so.
template <typename E>
std::optional<E> from_name(std::string_view name, E last, const char* (*name_of)(E)) {
    // Millions of rows are read, and each is mostly like the one before.
    static thread_local E latest{};
    if (latest <= last && name == name_of(latest)) return latest;
    for (unsigned value = 0; value <= static_cast<unsigned>(last); ++value) {
        if (name == name_of(static_cast<E>(value))) return latest = static_cast<E>(value);
    }
    return std::nullopt;
}

}  // namespace pipetrace
