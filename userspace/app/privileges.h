// What a monitor that runs for months no longer needs once its hooks are attached: given up for good.
#pragma once

#include "model/result.h"

#include <functional>
#include <string>
#include <vector>

namespace pipetrace {

struct KeptPrivileges {
    std::vector<std::string> capabilities;  ///< "CAP_SYS_PTRACE"
    bool reads_processes = false;           ///< executables of other users' processes can be named
};

/// Before anything is opened: what this process makes is its user's alone, none of it is left in a core file,
/// and what the caller had open and did not mean for us is closed, all but stdin, stdout and stderr.
void keep_to_oneself(bool close_inherited);

/// Gives up every capability but those that tracing goes on to need, from the bounding set too where that is
/// allowed, and the right to gain any by exec; the priority that the collector and the writer take later is
/// seen to first. Capabilities are a thread's own: call it before any other thread runs. `still_works` says
/// whether the hooks can be read with what the calling thread has then: kernels before 6.0 want CAP_BPF for
/// it (bpf(2) refused all to others where unprivileged_bpf_disabled is set).
Result<KeptPrivileges> drop_privileges(const std::function<bool()>& still_works);

/// "CAP_SYS_PTRACE, CAP_BPF"; "no capability".
std::string capability_list(const KeptPrivileges& kept);

}  // namespace pipetrace
