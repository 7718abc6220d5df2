// A tracer that is left running is small: what only the start needed, or a storm, is given back.
#pragma once

namespace pipetrace {

/// Lets go of the pages of our own code and that of the libraries: those that are run again come back from
/// the page cache. More than half were run to parse options and the kernel's types, and to load programs.
void forget_startup_code();

/// From now on large blocks are mappings of their own, which go back when they are freed. As it comes, the
/// allocator puts those that recur on the heap, among small ones that stay.
void keep_large_blocks_apart();

}  // namespace pipetrace
