// Incident -> the story that a person reads.
#pragma once

#include "model/incident.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>

namespace pipetrace {

struct TextStyle {
    bool colour = false;
    std::size_t width = 80;  ///< columns; fewer than 60 are taken as 60
    bool verbose = false;    ///< evidence and rejected rivals as well
    bool utc = false;        ///< else local time
};

/// Numbers the incidents as they come; a later revision bears its first number.
class TextRenderer {
public:
    TextRenderer(ClockOffsets clocks, TextStyle style);

    /// Of the host whose incidents come next.
    void set_clocks(const ClockOffsets& clocks) { clocks_ = clocks; }

    /// Appends the incident, ending in a newline.
    void render(const Incident& incident, std::string& out);

private:
    std::uint64_t number_of(const Incident& incident);
    std::string reference(const std::string& id) const;
    std::string chain_text(const Incident& incident) const;

    ClockOffsets clocks_;
    TextStyle style_;
    std::uint64_t last_number_ = 0;
    std::unordered_map<std::string, std::uint64_t> numbers_;  ///< of the latest incidents
    std::deque<std::string> ids_by_age_;
};

}  // namespace pipetrace
