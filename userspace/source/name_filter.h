// A few names to be found among a hundred thousand: most are turned away by their first two bytes, before
// anybody looks for their end.
#pragma once

#include <bitset>
#include <cstddef>
#include <string_view>
#include <unordered_set>

namespace pipetrace {

class NameFilter {
public:
    /// The names outlive the filter.
    template <typename Names>
    explicit NameFilter(const Names& names) : names_(names.begin(), names.end()) {
        for (const std::string_view name : names_)
            if (!name.empty()) starts_.set(start_of(name.data()));
    }

    /// `name` ends with a zero byte.
    bool may_hold(const char* name) const { return *name != '\0' && starts_.test(start_of(name)); }
    bool holds(const char* name) const { return may_hold(name) && names_.contains(name); }

private:
    static std::size_t start_of(const char* name) {
        return static_cast<unsigned char>(name[0]) * 256U + static_cast<unsigned char>(name[1]);
    }

    std::unordered_set<std::string_view> names_;
    std::bitset<65536> starts_;
};

}  // namespace pipetrace
