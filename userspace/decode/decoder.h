// Bytes of one record -> Event. The only place that knows both the record layout and the model.
#pragma once

#include "model/event.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <variant>

namespace pipetrace {

enum class DecodeError : std::uint8_t {
    kTooShort,     ///< less than a header
    kWrongSize,    ///< no length that the kind has, or had in recordings
    kUnknownKind,  ///< of a newer record layout, or not a record
};

class Decoder {
public:
    /// ticks_per_second: CONFIG_HZ of the kernel that wrote the records; > 0.
    explicit Decoder(std::uint64_t ticks_per_second) : ticks_per_second_(ticks_per_second) {}

    std::variant<Event, DecodeError> decode(std::span<const std::byte> record) const;

private:
    std::uint64_t ticks_per_second_;
};

}  // namespace pipetrace
