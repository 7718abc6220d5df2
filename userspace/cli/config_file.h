// The configuration file of serve: the options by their long names, in CLI11's format (TOML's plain part):
//
//   metrics = "127.0.0.1:9435"      # a comment
//   comm = ["nginx", "haproxy"]
//   quiet = true
//
// Read at the start and at every SIGHUP; nothing in it is half taken.
#pragma once

#include "model/options.h"
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

/// Options of the command line alone: "config", "help", "version".
bool is_never_in_a_file(const std::string& name);

// What a file holds that we were led to by mistake, or by somebody, may be secret: messages have the names of
// options, and nothing else of it.

/// `name` stands where an option's should, and is none that a file may have.
Error no_such_setting(const std::string& name, Command command);
/// `error`, of that setting's value, without the value.
Error without_values(Error error, const ConfigSetting& setting);

/// The whole text of a plain file that nobody but root, and the user who runs us, may write to or put another
/// in the place of: it says where a privileged program listens and writes.
Result<std::string> read_config(const std::string& path);

}  // namespace pipetrace
