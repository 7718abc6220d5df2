#include "advise/advice_file.h"

#include "advise/row_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

namespace pipetrace {
namespace {

/// The library keeps dotted names as tables within tables, as deep as there are dots, and frees them by recursion.
std::size_t line_of_many_dots(std::string_view text) {
    constexpr std::size_t kDotsMax = 16;
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

Error fault_of(const std::string& file, const toml::parse_error& failure) {
    return {fmt::format("{}:{}: this is no TOML", file, failure.source().begin.line),
            std::string(failure.description()), "Correct this line; programs.toml shows how rows are written."};
}

Result<std::vector<AdviceRow>> rows_of(const std::string& file, const toml::table& top) {
    const RowPlace place{file};
    for (const auto& [key, node] : top) {
        if (key.str() == "advice") continue;
        return place.fault(node, fmt::format("'{}' is no part of a file of advice", key.str()),
                           "there are [[advice]] rows and nothing else", "Put it below [[advice]], or take it out.");
    }
    std::vector<AdviceRow> rows;
    const toml::node* list = top.get("advice");
    if (list == nullptr) return rows;
    if (!list->is_array_of_tables()) {
        return place.fault(*list, "'advice' is no list of rows", "each row begins with a line [[advice]]",
                           "Write [[advice]], with two brackets on each side.");
    }
    std::map<std::string, toml::source_index> lines_by_id;
    for (const toml::node& node : *list->as_array()) {
        auto row = read_row(place, *node.as_table());
        if (!row) return row.error();
        const auto [known, is_new] = lines_by_id.emplace(row->id, node.source().begin.line);
        if (!is_new) {
            return place.fault(node, fmt::format("there is another row with the id '{}'", row->id),
                               fmt::format("it begins in line {}", known->second), "Give this row an id of its own.");
        }
        rows.push_back(std::move(*row));
    }
    return rows;
}

}  // namespace

Result<std::vector<AdviceRow>> parse_advice(const std::string& file, std::string_view text) {
    if (text.size() > kAdviceBytesMax) {
        return Error{fmt::format("{}:1: the file is too large", file),
                     fmt::format("it has {} bytes, {} are the most", text.size(), kAdviceBytesMax),
                     "Take out what is no advice, or give several files."};
    }
    if (const std::size_t line = line_of_many_dots(text); line != 0) {
        return Error{fmt::format("{}:{}: too many dots in one line", file, line), "16 are the most",
                     "Break the line, or shorten it."};
    }
    const toml::parse_result parsed = toml::parse(text, file);
    if (!parsed) return fault_of(file, parsed.error());
    return rows_of(file, parsed.table());
}

}  // namespace pipetrace
