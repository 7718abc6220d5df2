// Counts incidents by cause, process, peer and time for the summary of a report. In bounded memory, whatever
// processes call themselves.
#pragma once

#include "model/incident_row.h"
#include "model/postmortem.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>

namespace pipetrace {

class ReportTally {
public:
    void add(const IncidentRow& row);

    /// Adds what was counted to a postmortem.
    void fill(Postmortem& postmortem) const;

    static constexpr std::size_t kNamesMax = 10'000;
    static constexpr std::size_t kSlicesMax = 4'096;

private:
    using Groups = std::unordered_map<std::string, IncidentGroup>;

    static bool count(Groups& groups, const std::string& name, const IncidentRow& row);
    void count_in_time(const IncidentRow& row);
    void coarsen();

    Groups causes_;
    Groups processes_;
    Groups peers_;
    Postmortem totals_;
};

/// As a summary names the other end: "10.0.0.7:6379 redis-server", "192.0.2.7" for a client's passing port.
std::string peer_name(const IncidentRow& row);

}  // namespace pipetrace
