// One row of advice: which program it is for, which facts of an incident call for it, and what it says.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace pipetrace {

/// A fact given in words must be one of these.
struct WordCondition {
    std::size_t fact = 0;  ///< index into word_facts()
    std::vector<std::string> words;
};

/// A number must lie within these bounds, which are included.
struct RangeCondition {
    std::size_t fact = 0;  ///< index into number_facts()
    std::uint64_t min = 0;
    std::uint64_t max = UINT64_MAX;
};

struct AdviceRow {
    std::string id;
    std::string title;                      ///< what the program is called: "Redis"
    std::vector<std::string> knobs;         ///< "ServerAliveInterval"; at least one
    std::string say;                        ///< why, a template of advice_text.h
    std::vector<std::string> program;       ///< patterns of the process's name or its executable's
    std::vector<std::string> peer;          ///< the same of the process at the other end
    std::vector<std::uint16_t> peer_ports;  ///< stand for `peer` where that process is not seen
    std::vector<std::string> thread;        ///< patterns of a thread whose call failed
    std::vector<std::string> remote;        ///< patterns of the other end's address or path
    std::uint64_t causes = 0;               ///< a bit for each
    std::vector<WordCondition> words;
    std::vector<WordCondition> usual;  ///< those that every row has unless it says otherwise
    std::vector<RangeCondition> ranges;

    /// The knob is the other end's.
    bool is_of_peer() const { return program.empty(); }
};

}  // namespace pipetrace
