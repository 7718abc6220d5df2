// argv cut into its parts: the command's word, options with their values, the words that belong
// to the command. Needed before CLI11 sees anything: what follows the CMD of `run` is CMD's, and
// what follows an option that takes a value is that value, dash or not.
#pragma once

#include "model/options.h"
#include "model/result.h"

#include <string>
#include <vector>

namespace pipetrace {

struct CommandLine {
    Command command = Command::kTrace;
    std::vector<std::string> options;  ///< for CLI11: "--pid=4242", "--json"
    std::vector<std::string> words;    ///< CMD ARG..., or explain's CODE
    bool wants_help = false;
    bool wants_version = false;
};

Result<CommandLine> split_command_line(const std::vector<std::string>& arguments);

}  // namespace pipetrace
