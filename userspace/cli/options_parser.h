// argv, and the configuration file of serve, -> validated Options, or what to tell the user instead. What the
// command line names, the file does not change. Prints nothing, ends nothing.
#pragma once

#include "model/options.h"
#include "model/result.h"

#include <string>
#include <variant>
#include <vector>

namespace pipetrace {

/// --help, --version: text for stdout, then status 0.
struct PrintedAnswer {
    std::string text;
};

/// Error: bad usage, for stderr, then status 2.
using ParseOutcome = std::variant<Options, PrintedAnswer, Error>;

/// The paths that serve is given are absolute then, for it leaves its working directory. Whether a pid, a
/// cgroup or an output directory exists is not asked here; a user name is resolved, since the filter is by
/// uid.
ParseOutcome parse_options(int argc, const char* const* argv);
/// Likewise, without the program's name.
ParseOutcome parse_options(const std::vector<std::string>& arguments);

/// The same command line with its configuration file as that is now.
Result<Options> reread_options(const Options& in_force);

}  // namespace pipetrace
