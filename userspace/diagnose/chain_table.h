// Which incident began a chain: what was told of each, kept so that those it brought about can name it.
// Pure; bounded, and what was asked for too late is counted.
#pragma once

#include "model/incident.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>

namespace pipetrace {

class ChainTable {
public:
    explicit ChainTable(std::size_t incidents_max = 8192) : incidents_max_(incidents_max) {}

    /// After diagnose(): where another incident brought this one about, adds the chain's root to the summary
    /// and takes over that nothing went wrong. Causes must come before what they led to.
    void join(Incident& incident);

    std::size_t size() const { return told_.size(); }
    /// Causes that were not kept: chains whose root could not be named.
    std::uint64_t missed() const { return missed_; }

private:
    struct Told {
        std::string root_id;
        std::string root_sentence;
        bool is_benign = false;
    };

    void remember(const std::string& id, Told told);

    std::size_t incidents_max_;
    std::unordered_map<std::string, Told> told_;
    std::deque<std::string> oldest_first_;
    std::uint64_t missed_ = 0;
};

}  // namespace pipetrace
