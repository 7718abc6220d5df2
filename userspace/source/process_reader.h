// What /proc tells about a process that an incident names. A reused process id is never described.
#pragma once

#include "model/process.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pipetrace {

class ProcessReader {
public:
    explicit ProcessReader(std::string proc_root = "/proc");

    /// Nothing if the process is gone or the id belongs to another one now.
    std::optional<ProcessDetails> details(const ProcessId& process, bool with_cmdline) const;

    /// The process that a process's or a thread's id belongs to; nothing if it has ended, a zombie too.
    std::optional<Tgid> process_of(Tid id) const;

    std::optional<std::string> comm(Tgid tgid) const;

    /// Of the pipes and sockets among its descriptors, sorted; nothing if they cannot be read, or are too many.
    std::optional<std::vector<std::uint64_t>> open_inodes(Tgid tgid) const;

    /// Children, their children and so on, as they are now; without `tgid` itself.
    std::vector<Tgid> descendants(Tgid tgid) const;

private:
    std::string path_of(Tgid tgid, std::string_view file) const;

    std::string proc_root_;
};

}  // namespace pipetrace
