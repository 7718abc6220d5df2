// What is said of a RST: its flags, and why it was sent.
#pragma once

#include "model/event.h"

#include <cstdint>
#include <optional>
#include <string>

namespace pipetrace {

/// Why the sending kernel reset: its own reason (from 6.12), and the call path where the reason does not
/// say or there is none. `closure`: how the sending end was given up; null where that is not known.
std::optional<std::string> reset_reason_text(const ResetSent& sent, const Closure* closure);

/// Any segment's flags: "SYN", "PSH|ACK".
std::string segment_flags_text(std::uint8_t flags);

/// A RST's flags as people write them: "RST", "RST|ACK".
std::string flags_text(std::uint8_t flags);

}  // namespace pipetrace
