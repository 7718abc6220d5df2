// argv -> validated Options, or what to tell the user instead. Prints nothing, ends nothing.
#pragma once

#include "model/options.h"
#include "model/result.h"

#include <string>
#include <variant>

namespace pipetrace {

/// --help, --version: text for stdout, then status 0.
struct PrintedAnswer {
    std::string text;
};

/// Error: bad usage, for stderr, then status 2.
using ParseOutcome = std::variant<Options, PrintedAnswer, Error>;

/// Whether a pid, a cgroup or an output directory exists is not asked here; a user name is
/// resolved, since the filter is by uid.
ParseOutcome parse_options(int argc, const char* const* argv);

}  // namespace pipetrace
