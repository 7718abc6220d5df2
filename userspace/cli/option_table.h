// The options there are, and which command takes which.
#pragma once

#include "model/options.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pipetrace {

/// Set of commands.
using CommandSet = std::uint8_t;
constexpr CommandSet only(Command command) {
    return static_cast<CommandSet>(1U << static_cast<unsigned>(command));
}

struct OptionSpec {
    const char* name;     ///< "pid", without dashes
    char letter;          ///< 'p'; '\0': none
    const char* value;    ///< "PID"; null: takes none
    CommandSet commands;  ///< that take it
};

std::span<const OptionSpec> option_table();

/// Null where there is no such option. `name` is without dashes.
const OptionSpec* find_option(std::string_view name);
const OptionSpec* find_option(char letter);

/// The name that is most like it; empty where none is.
std::string nearest_option(const std::string& name);

/// "-p/--pid".
std::string option_title(const OptionSpec& option);

struct CommandSpec {
    const char* name;
    Command command;
};
/// The commands with a name; tracing live is what happens without one.
std::span<const CommandSpec> command_table();

/// "pipetrace run"; "pipetrace" for live tracing.
std::string command_title(Command command);

}  // namespace pipetrace
