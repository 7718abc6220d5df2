// Words into lines, and colour. Knows nothing of incidents.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace pipetrace {

enum class Paint { kNone, kBold, kDim, kRed, kYellow, kGreen };

/// `text` between its escape sequences, or plain where colour is off.
std::string paint(std::string_view text, Paint colour, bool enabled);

/// Breaks at spaces so that each line takes at most `width` columns; a longer word is left whole.
/// No text, no lines.
std::vector<std::string> wrap(std::string_view text, std::size_t width);

/// `label` in a column of `indent` columns, `text` wrapped beside it. Ends in a newline.
std::string labelled(std::string_view label, std::string_view text, std::size_t indent, std::size_t width);

/// Items joined by ", ", broken between items only; every line begins with `indent` spaces.
std::string wrap_items(const std::vector<std::string>& items, std::size_t indent, std::size_t width);

/// Spaces after, or before, to reach `columns`; longer text is left whole.
std::string pad_right(std::string_view text, std::size_t columns);
std::string pad_left(std::string_view text, std::size_t columns);

}  // namespace pipetrace
