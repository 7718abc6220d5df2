// Text in an HTML page: nothing in it may end the element that it stands in, or begin another.
#pragma once

#include <string>
#include <string_view>

namespace pipetrace {

/// For an element's content or a quoted attribute. Invisible and direction-turning characters are spelt out.
std::string markup_safe(std::string_view text);

/// Appends JSON as it may stand in a <script>: <, >, & and the separators U+2028 and U+2029, which valid JSON
/// has within strings only, become escapes. Lines stay lines.
void append_in_script(std::string& out, std::string_view json);

}  // namespace pipetrace
