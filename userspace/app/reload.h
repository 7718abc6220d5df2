// What of a configuration that was read again can be taken on while the monitor runs.
#pragma once

#include "model/options.h"

#include <string>
#include <vector>

namespace pipetrace {

struct Reload {
    Options options;                         ///< to be in force from now on
    std::vector<std::string> applied;        ///< what differs from before, by the names of the settings
    std::vector<std::string> needs_restart;  ///< what differs, and stays as it was
};

/// Filters, advice, the lines' file and the recording's limits are taken on. What decides what is attached,
/// listened on or judged stays.
Reload plan_reload(const Options& in_force, const Options& asked);

/// "applied comm, port; metrics takes effect with a restart".
std::string reload_text(const Reload& reload);

}  // namespace pipetrace
