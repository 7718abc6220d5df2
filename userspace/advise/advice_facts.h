// The facts of an incident that rows of advice may ask for, by the names that the TOML has for them.
#pragma once

#include "model/incident.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pipetrace {

enum class Unit : std::uint8_t { kMicroseconds, kBytes, kCount };

/// "idle": asked for as idle_min and idle_max, told as {idle}.
struct NumberFact {
    std::string_view name;
    Unit unit;
    std::optional<std::uint64_t> (*value)(const Incident&);
};
std::span<const NumberFact> number_facts();

/// "state": asked for as a word or a list of them.
struct WordFact {
    std::string_view name;
    std::vector<std::string> words;  ///< those that it can be; empty: any
    bool (*is)(const Incident&, std::string_view word);
};
std::span<const WordFact> word_facts();

/// What is told and not asked for: {peer}.
struct TextFact {
    std::string_view name;
    std::optional<std::string> (*text)(const Incident&);
};
std::span<const TextFact> text_facts();

/// As it stands in a sentence; nothing where it is not known.
std::optional<std::string> number_text(const NumberFact& fact, const Incident& incident);

/// "127.0.0.1:6379" -> 6379; nothing for port 0 either, which no connection has.
std::optional<std::uint16_t> port_of(const std::optional<std::string>& address);

}  // namespace pipetrace
