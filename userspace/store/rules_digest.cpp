#include "store/rules_digest.h"

#include <rules_digest_value.h>

namespace pipetrace {

std::string_view rules_digest() { return PIPETRACE_RULES_DIGEST; }

}  // namespace pipetrace
