// Incident -> one entry of systemd's journal: fields, and a line for a person.
#pragma once

#include "model/incident.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pipetrace {

/// What kind of entry it is, for `journalctl MESSAGE_ID=...` and catalogs; fixed for ever.
inline constexpr const char* kIncidentMessageId = "e3403d845f93456fbb21d489437f96d5";
inline constexpr const char* kUntoldMessageId = "86791eec14454bb29b0c5576fae1d199";

/// syslog's levels. The tracer's own troubles are errors; what it saw of others is not.
inline constexpr int kJournalWarning = 4;
inline constexpr int kJournalNotice = 5;
inline constexpr int kJournalInfo = 6;
int journal_priority(Severity severity);

/// "NAME=value" one after the other; `ends` has where each ends. Values may hold any byte.
struct JournalEntry {
    std::string text;
    std::vector<std::size_t> ends;

    void add(std::string_view name, std::string_view value);
};

/// Never a command line, and no OBJECT_PID: journald would look up that process's own, and by the time it
/// does, the process may be another. `is_correction`: an earlier entry of the incident judged otherwise.
JournalEntry journal_entry(const Incident& incident, const ClockOffsets& clocks, bool is_correction);

/// Incidents that got no entry of their own.
struct UntoldIncidents {
    std::array<std::uint64_t, kCauseCount> by_cause{};
    std::uint64_t count = 0;
    Severity gravest = Severity::kBenign;

    void add(const Verdict& verdict);
};
JournalEntry untold_entry(const UntoldIncidents& untold);

}  // namespace pipetrace
