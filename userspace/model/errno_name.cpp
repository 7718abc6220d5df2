#include "model/errno_name.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace pipetrace {
namespace {

constexpr int kErrnoMax = 133;  // EHWPOISON, the last that Linux has on every architecture we build for

struct Alias {
    std::string_view name;
    std::string_view canonical;
};
// Second names that strerrorname_np() never answers with.
constexpr Alias kAliases[] = {{"EWOULDBLOCK", "EAGAIN"}, {"EDEADLOCK", "EDEADLK"}, {"ENOTSUP", "EOPNOTSUPP"}};

}  // namespace

std::string errno_name(int error) {
    const char* name = error > 0 ? ::strerrorname_np(error) : nullptr;
    return name != nullptr ? std::string(name) : "E" + std::to_string(std::abs(std::int64_t{error}));
}

std::optional<int> errno_from_text(std::string_view text) {
    int number = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failure == std::errc{} && end == text.data() + text.size()) {
        const bool named = number > 0 && ::strerrorname_np(number) != nullptr;
        return named ? std::optional<int>(number) : std::nullopt;
    }
    std::string name(text);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    for (const Alias& alias : kAliases) {
        if (name == alias.name) name = alias.canonical;
    }
    for (int error = 1; error <= kErrnoMax; ++error) {
        const char* known = ::strerrorname_np(error);
        if (known != nullptr && name == known) return error;
    }
    return std::nullopt;
}

}  // namespace pipetrace
