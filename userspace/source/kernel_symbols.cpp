#include "source/kernel_symbols.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <string>
#include <vector>

namespace pipetrace {

std::optional<CodeRange> find_function_in(std::istream& symbols, std::string_view name) {
    std::vector<std::uint64_t> addresses;
    std::uint64_t begin = 0;
    for (std::string line; std::getline(symbols, line);) {
        std::uint64_t address = 0;
        const char* last = line.data() + line.size();
        const auto [rest, error] = std::from_chars(line.data(), last, address, 16);
        // " T name", then for modules "\t[module]".
        if (error != std::errc() || last - rest < 4 || address == 0) continue;
        addresses.push_back(address);
        if ((rest[1] == 't' || rest[1] == 'T') && std::string_view(rest + 3, last) == name) begin = address;
    }
    if (begin == 0) return std::nullopt;
    std::uint64_t end = UINT64_MAX;
    for (const std::uint64_t address : addresses) {
        if (address > begin) end = std::min(end, address);
    }
    return CodeRange{begin, end};
}

std::optional<CodeRange> find_kernel_function(std::string_view name) {
    std::ifstream symbols("/proc/kallsyms");
    return find_function_in(symbols, name);
}

}  // namespace pipetrace
