// The system calls that incidents name, and where each keeps descriptor, size and flags.
#pragma once

#include "model/syscall_names.h"
#include "pipetrace_abi.h"

#include <cstdint>
#include <span>

namespace pipetrace {

struct SyscallEntry {
    std::uint16_t number = 0;
    const char* name = "";
    pt_syscall_shape shape{};
};

/// Those of this architecture.
std::span<const SyscallEntry> syscall_table();

/// Their names alone.
const SyscallNames& syscall_names();

}  // namespace pipetrace
