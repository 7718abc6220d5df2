// What --help and --version print.
#pragma once

#include "model/options.h"

#include <string>

namespace pipetrace {

std::string help_text(Command command);
std::string version_text();

}  // namespace pipetrace
