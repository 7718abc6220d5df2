// What only the start needed, given back: a tracer that is left running is small.
#pragma once

namespace pipetrace {

/// Lets go of the pages of our own code and that of the libraries: those that are run again come back from
/// the page cache. More than half were run to parse options and the kernel's types, and to load programs.
void forget_startup_code();

}  // namespace pipetrace
