// Small facts about one step of a story, by name: few, so a plain list in the order they were set.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace pipetrace {

class Details {
public:
    using Value = std::variant<std::int64_t, std::string, bool>;
    using Item = std::pair<std::string_view, Value>;
    using const_iterator = std::vector<Item>::const_iterator;

    Details() = default;
    Details(std::initializer_list<Item> items) : items_(items) {}

    /// Set if missing. `name` is a literal: it is not copied.
    Value& operator[](const char* name) {
        for (Item& item : items_) {
            if (item.first == name) return item.second;
        }
        if (items_.empty()) items_.reserve(kUsual);
        return items_.emplace_back(name, Value{}).second;
    }

    const_iterator find(std::string_view name) const {
        return std::find_if(begin(), end(), [&](const Item& item) { return item.first == name; });
    }
    bool contains(std::string_view name) const { return find(name) != end(); }
    /// Throws std::out_of_range where there is none.
    const Value& at(std::string_view name) const {
        const auto found = find(name);
        if (found == end()) throw std::out_of_range(std::string(name));
        return found->second;
    }

    const_iterator begin() const { return items_.begin(); }
    const_iterator end() const { return items_.end(); }
    bool empty() const { return items_.empty(); }

private:
    static constexpr std::size_t kUsual = 5;

    std::vector<Item> items_;
};

}  // namespace pipetrace
