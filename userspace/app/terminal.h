// What is known of the terminal behind a descriptor, and what goes there besides the output.
#pragma once

#include <cstddef>
#include <string_view>

namespace pipetrace {

/// Columns of the terminal behind fd, 80 where it is none.
std::size_t terminal_width(int fd);

/// A terminal that understands escape sequences.
bool is_capable_terminal(int fd);

/// Colour only on a terminal, and not with NO_COLOR.
bool wants_colour(int fd);

/// What is for the person, not for the program that reads our output. Whether it arrives is nobody's matter.
void print_to_stderr(std::string_view text);

}  // namespace pipetrace
