#include "store/rules_digest.h"

#include <rules_digest_value.h>

namespace pipetrace {

std::string rules_digest(const std::string& advice_digest) {
    return std::string(PIPETRACE_RULES_DIGEST) + (advice_digest.empty() ? "" : "+" + advice_digest);
}

}  // namespace pipetrace
