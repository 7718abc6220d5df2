// systemd's journal, by its own library. Sending can wait for journald, so it is done from a thread of its
// own.
#pragma once

#include "model/result.h"

#include <chrono>
#include <cstdint>
#include <span>
#include <string_view>

namespace pipetrace {

class Journal {
public:
    enum class Outcome : std::uint8_t {
        kSent,
        kAbsent,  ///< no journal takes entries on this host now
        kBusy,    ///< it has as many as it takes, and has not read one of them for so long
        kFailed,
    };
    /// One entry; each field "NAME=value", whatever bytes the value has.
    Outcome send(std::span<const std::string_view> fields, std::chrono::milliseconds wait);
    /// Why not, after kBusy and kFailed.
    Error trouble() const;

private:
    int error_ = 0;
};

}  // namespace pipetrace
