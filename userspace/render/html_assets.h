// The page that render/html/ holds, in the pieces that incidents go between; made by html/embed_page.cmake.
#pragma once

#include <string_view>

namespace pipetrace {

std::string_view html_before_title();
std::string_view html_before_incidents();
std::string_view html_after_incidents();

}  // namespace pipetrace
