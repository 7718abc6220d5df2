// One rule a cause, in the order of precedence: the first that applies names the cause, the others
// that could have explained the same symptom are rejected with their reason.
#pragma once

#include "model/incident.h"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace pipetrace {

/// Which incidents a rule can speak about; rivals come from the same family.
enum class Family : std::uint8_t { kPipe, kUnix, kTcpReset, kTcpNoReset, kOrigin };
Family family_of(const Incident& incident);

struct Rule {
    Cause cause;
    std::vector<Family> families;
    Severity severity;
    /// Empty: does not apply.
    std::optional<Confidence> (*applies)(const Incident&);
    /// Why it does not apply here, in a few words; only called when it does not.
    std::string (*why_not)(const Incident&);
    std::string (*summary)(const Incident&);
    std::string (*advice)(const Incident&);
    /// Events that prove it, "side:event", separated by spaces.
    const char* evidence;
};

bool speaks_of(const Rule& rule, Family family);

std::span<const Rule> rule_table();

}  // namespace pipetrace
