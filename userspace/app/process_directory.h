// Details of the processes that appear in incidents, read while they are still there: a process
// that SIGPIPE kills is gone when its incident is printed.
#pragma once

#include "app/process_lookup.h"
#include "source/process_reader.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>

namespace pipetrace {

class ProcessDirectory final : public ProcessLookup {
public:
    explicit ProcessDirectory(bool with_cmdline) : with_cmdline_(with_cmdline) {}

    void meet(const Task& task) override;
    void executed(const Task& task) override;
    std::optional<std::vector<std::uint64_t>> open_inodes(Tgid tgid) const override {
        return reader_.open_inodes(tgid);
    }
    void describe(InvolvedProcess& process, Ktime at) override;
    std::uint64_t evicted() const override { return evicted_; }

private:
    std::optional<ProcessDetails> read(const Task& task) const;

    static constexpr std::size_t kProcessesMax = 4096;

    ProcessReader reader_;
    bool with_cmdline_;
    std::map<ProcessId, ProcessDetails> known_;
    struct Met {
        ProcessId process;
        Ktime at;
    };
    std::deque<Met> oldest_first_;
    std::uint64_t evicted_ = 0;
};

}  // namespace pipetrace
