// Reading a timeline entry's details: every one may be missing or of another type.
#pragma once

#include "model/incident.h"

#include <optional>
#include <string>

namespace pipetrace {

class EntryDetails {
public:
    explicit EntryDetails(const TimelineEntry& entry) : entry_(entry) {}

    /// Safe for a terminal; empty where there is none. A number is spelt out.
    std::string text(const char* key) const;
    std::optional<std::int64_t> number(const char* key) const;
    bool flag(const char* key) const;
    /// There, and false.
    bool denied(const char* key) const;
    /// "EPIPE", given as a number or by name; empty where there is none.
    std::string error(const char* key) const;
    /// "SIGKILL", likewise.
    std::string signal(const char* key) const;

private:
    const TimelineEntry& entry_;
};

/// A value as it is, safe for a terminal.
std::string plain_value(const Details::Value& value);

}  // namespace pipetrace
