// What is known of the terminal behind a descriptor.
#pragma once

#include <cstddef>

namespace pipetrace {

/// Columns of the terminal behind fd, 80 where it is none.
std::size_t terminal_width(int fd);

/// A terminal that understands escape sequences.
bool is_capable_terminal(int fd);

/// Colour only on a terminal, and not with NO_COLOR.
bool wants_colour(int fd);

}  // namespace pipetrace
