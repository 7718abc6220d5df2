// System calls by number, of the machine that made the records: a recording brings its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace pipetrace {

class SyscallNames {
public:
    static constexpr std::size_t kNumbers = 512;

    /// A number that no machine has is left out.
    void add(std::size_t number, std::string name) {
        if (number < names_.size()) names_[number] = std::move(name);
    }

    /// "sendto"; null if the number is not known.
    const char* find(std::size_t number) const {
        return number < names_.size() && !names_[number].empty() ? names_[number].c_str() : nullptr;
    }

    static const SyscallNames& none() {
        static const SyscallNames kNone;
        return kNone;
    }

private:
    std::vector<std::string> names_ = std::vector<std::string>(kNumbers);
};

}  // namespace pipetrace
