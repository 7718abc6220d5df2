// Bad usage that shows only against what this pipetrace can observe.
#include "app/commands.h"
#include "cli/option_values.h"
#include "source/hook_table.h"

#include <algorithm>
#include <string>
#include <vector>

namespace pipetrace {

Status check_usage(const Options& options) {
    std::vector<std::string> optional;
    std::vector<std::string_view> essential;
    for (const ObservationRow& row : hook_table()) {
        if (row.is_essential) {
            essential.push_back(row.name);
        } else {
            optional.emplace_back(row.name);
        }
    }
    for (const std::string& name : options.left_out) {
        if (std::ranges::find(essential, name) != essential.end())
            return Error{"--without cannot be '" + name + "'",
                         "without it there is nothing that pipetrace could tell",
                         "leave out others: `pipetrace doctor --json` names them"};
        if (const auto known = parse_choice("--without", name, optional); !known) return known.error();
    }
    return Done{};
}

}  // namespace pipetrace
