// Record kinds by the names that losses are reported under.
#pragma once

namespace pipetrace {

/// "reset_received"; null for a number that is no kind.
const char* record_kind_name(unsigned kind);

}  // namespace pipetrace
