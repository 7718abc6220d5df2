// The configuration file of serve: the options by their long names, in CLI11's format (TOML's plain part):
//
//   metrics = "127.0.0.1:9435"      # a comment
//   comm = ["nginx", "haproxy"]
//   quiet = true
//
// Read at the start and at every SIGHUP; nothing in it is half taken.
#pragma once

#include "model/result.h"

#include <cstddef>
#include <string>
#include <vector>

namespace pipetrace {

/// Read where --config names none, if it is there.
inline constexpr const char* kDefaultConfig = "/etc/pipetrace/pipetrace.conf";

struct ConfigSetting {
    std::string name;                 ///< "local-port"; whether there is such an option is not looked at
    std::vector<std::string> values;  ///< a flag's: "true" or "false"
    std::size_t line = 0;             ///< from 1, of its name
};

/// "FILE:LINE".
std::string config_place(const std::string& path, std::size_t line);

/// `path` is for the errors.
Result<std::vector<ConfigSetting>> parse_config(const std::string& path, const std::string& text);

/// The whole text of a plain file that nobody but root, and the user who runs us, may write to: it says where
/// a privileged program listens and writes.
Result<std::string> read_config(const std::string& path);

}  // namespace pipetrace
