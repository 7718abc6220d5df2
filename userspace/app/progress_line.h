// How far a long work is, on a terminal's last line; nothing where stderr is none.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace pipetrace {

class ProgressLine {
public:
    /// `wanted` false: shows nothing.
    ProgressLine(std::string work, std::uint64_t total, bool wanted);
    ProgressLine(const ProgressLine&) = delete;
    ProgressLine& operator=(const ProgressLine&) = delete;
    ~ProgressLine() { clear(); }

    /// So much more is done.
    void add(std::uint64_t done);
    void clear();

private:
    std::string work_;
    std::uint64_t total_;
    std::uint64_t done_ = 0;
    bool wanted_;
    bool is_shown_ = false;
    std::chrono::steady_clock::time_point next_;
};

}  // namespace pipetrace
