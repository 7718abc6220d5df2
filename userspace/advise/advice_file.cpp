#include "advise/advice_file.h"

#include "advise/row_reader.h"

#include <fmt/format.h>

#include <cstddef>

namespace pipetrace {
namespace {

constexpr std::size_t kDotsMax = 16;

/// The library keeps dotted names as tables within tables, as deep as there are dots, and frees them by
/// recursion.
std::size_t line_of_many_dots(std::string_view text) {
    std::size_t line = 1;
    std::size_t dots = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\n') {
            ++line;
            dots = 0;
        } else if (text[i] == '.' && (i == 0 || text[i - 1] != '.') && ++dots > kDotsMax) {
            return line;
        }
    }
    return 0;
}

}  // namespace

Result<std::vector<AdviceRow>> parse_advice(const std::string& file, std::string_view text) {
    if (text.size() > kAdviceBytesMax) {
        return Error{fmt::format("{}:1: the file is too large", file),
                     fmt::format("it has {} bytes, {} are the most", text.size(), kAdviceBytesMax),
                     "Take out what is no advice, or give several files."};
    }
    if (const std::size_t line = line_of_many_dots(text); line != 0) {
        return Error{fmt::format("{}:{}: too many dots in one line", file, line),
                     fmt::format("{} are the most", kDotsMax), "Break the line, or shorten it."};
    }
    return read_rows(file, text);
}

}  // namespace pipetrace
