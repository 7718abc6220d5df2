#include "advise/name_pattern.h"

#include <cstddef>

namespace pipetrace {

bool matches_pattern(std::string_view name, std::string_view pattern) {
    std::size_t at = 0;
    std::size_t next = 0;
    std::size_t star = std::string_view::npos;  ///< the last one met, and how far its part reaches
    std::size_t star_end = 0;
    while (at < name.size()) {
        if (next < pattern.size() && pattern[next] == '*') {
            star = next++;
            star_end = at;
        } else if (next < pattern.size() && (pattern[next] == '?' || pattern[next] == name[at])) {
            ++at;
            ++next;
        } else if (star != std::string_view::npos) {
            next = star + 1;
            at = ++star_end;
        } else {
            return false;
        }
    }
    while (next < pattern.size() && pattern[next] == '*') ++next;
    return next == pattern.size();
}

std::string_view base_name(std::string_view path) {
    constexpr std::string_view kDeleted = " (deleted)";  // d_path() of a file that was replaced
    if (path.ends_with(kDeleted)) path.remove_suffix(kDeleted.size());
    const std::size_t slash = path.rfind('/');
    return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

}  // namespace pipetrace
