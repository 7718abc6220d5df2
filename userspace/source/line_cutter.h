// Bytes of a log, in the pieces they are read in -> its lines. Pure.
#pragma once

#include "model/ktime.h"
#include "model/log_line.h"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace pipetrace {

class LineCutter {
public:
    using Emit = std::function<void(LogLine&&)>;

    /// Of each line that ends within `bytes`, which were seen at `at`, up to `late_ns` after they were
    /// written. A line's time is that of its first piece. Empty lines are left out.
    void feed(std::string_view bytes, Ktime at, std::uint64_t late_ns, const Emit& emit);
    /// What is there of a line that has no end: none will come.
    void flush(const Emit& emit);
    /// The line under way is not wanted: its beginning is older than the trace, or was passed over.
    void skip_line();

private:
    void append(std::string_view piece);

    LogLine line_;
    bool has_begun_ = false;
    bool is_skipping_ = false;
};

}  // namespace pipetrace
