// Which incident began a chain: what was told of each process's latest, kept so that those they brought about
// can name it: earlier ones are no process's end. Pure; bounded, and what was asked for too late is counted.
#pragma once

#include "model/incident.h"

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <string>
#include <vector>

namespace pipetrace {

class ChainTable {
public:
    explicit ChainTable(std::size_t processes_max = 4096) : processes_max_(processes_max) {}

    /// After diagnose(): where another incident brought this one about, adds the chain's root to the summary
    /// and takes over that nothing went wrong. Causes must come before what they led to.
    void join(Incident& incident);

    std::size_t size() const { return processes_.size(); }
    /// Causes that were not kept: chains whose root could not be named.
    std::uint64_t missed() const { return missed_; }

private:
    struct Told {
        std::string id;
        std::string root_id;
        std::string root_sentence;
        bool is_benign = false;
    };

    struct Process {
        std::vector<Told> told;  ///< the latest few
        std::size_t next = 0;    ///< of them, that will be written over
        std::list<ProcessId>::iterator age;
    };

    const Told* find(const ProcessId& process, const std::string& id) const;
    void remember(const ProcessId& process, Told told);

    std::size_t processes_max_;
    std::map<ProcessId, Process> processes_;
    std::list<ProcessId> oldest_first_;
    std::uint64_t missed_ = 0;
};

}  // namespace pipetrace
