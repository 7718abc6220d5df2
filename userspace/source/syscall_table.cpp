// Argument positions are those of the kernel's SYSCALL_DEFINEs; they are the same on all architectures.
#include "source/syscall_table.h"

#include <sys/syscall.h>

#include <algorithm>
#include <iterator>

namespace pipetrace {
namespace {

// Argument number + 1 of descriptor, size in bytes and MSG_* flags; how a vector is passed.
constexpr pt_syscall_shape kUnread{0, 0, 0, 0};
constexpr pt_syscall_shape kDescriptor{1, 0, 0, 0};
constexpr pt_syscall_shape kBuffer{1, 3, 0, 0};
constexpr pt_syscall_shape kVector{1, 0, 0, PT_VECTOR_IOVEC};
constexpr pt_syscall_shape kBufferFlags{1, 3, 4, 0};
constexpr pt_syscall_shape kMessage{1, 0, 3, PT_VECTOR_MSGHDR};
constexpr pt_syscall_shape kMessages{1, 0, 4, 0};
constexpr pt_syscall_shape kSendfile{1, 4, 0, 0};
constexpr pt_syscall_shape kSplice{3, 5, 0, 0};
constexpr pt_syscall_shape kTee{2, 3, 0, 0};

constexpr SyscallEntry kTable[] = {
    {SYS_write, "write", kBuffer},
    {SYS_writev, "writev", kVector},
    {SYS_pwrite64, "pwrite64", kBuffer},
    {SYS_pwritev, "pwritev", kVector},
    {SYS_pwritev2, "pwritev2", kVector},
    {SYS_sendto, "sendto", kBufferFlags},
    {SYS_sendmsg, "sendmsg", kMessage},
    {SYS_sendmmsg, "sendmmsg", kMessages},
    {SYS_sendfile, "sendfile", kSendfile},
    {SYS_splice, "splice", kSplice},
    {SYS_tee, "tee", kTee},
    {SYS_vmsplice, "vmsplice", kVector},
    {SYS_read, "read", kBuffer},
    {SYS_readv, "readv", kVector},
    {SYS_pread64, "pread64", kBuffer},
    {SYS_preadv, "preadv", kVector},
    {SYS_preadv2, "preadv2", kVector},
    {SYS_recvfrom, "recvfrom", kBufferFlags},
    {SYS_recvmsg, "recvmsg", kMessage},
    {SYS_recvmmsg, "recvmmsg", kMessages},
    {SYS_connect, "connect", kDescriptor},
    {SYS_accept, "accept", kDescriptor},
    {SYS_accept4, "accept4", kDescriptor},
    {SYS_getsockopt, "getsockopt", kDescriptor},
    {SYS_setsockopt, "setsockopt", kDescriptor},
    {SYS_shutdown, "shutdown", kDescriptor},
    {SYS_close, "close", kDescriptor},
    {SYS_ioctl, "ioctl", kDescriptor},
    // Named for what they end; their descriptors are not an endpoint's.
    {SYS_close_range, "close_range", kUnread},
    {SYS_dup3, "dup3", kUnread},
    {SYS_execve, "execve", kUnread},
    {SYS_execveat, "execveat", kUnread},
    {SYS_exit, "exit", kUnread},
    {SYS_exit_group, "exit_group", kUnread},
    {SYS_io_uring_enter, "io_uring_enter", kUnread},
    {SYS_ppoll, "ppoll", kUnread},
    {SYS_epoll_pwait, "epoll_pwait", kUnread},
// What arm64 never had.
#ifdef SYS_dup2
    {SYS_dup2, "dup2", kUnread},
#endif
#ifdef SYS_poll
    {SYS_poll, "poll", kUnread},
#endif
#ifdef SYS_epoll_wait
    {SYS_epoll_wait, "epoll_wait", kUnread},
#endif
};

constexpr bool fits_the_map() {
    return std::ranges::all_of(kTable, [](const auto& entry) { return entry.number < PT_SYSCALL_MAX; });
}
static_assert(fits_the_map());

}  // namespace

std::span<const SyscallEntry> syscall_table() { return kTable; }

const SyscallNames& syscall_names() {
    static const SyscallNames kNames = [] {
        SyscallNames names;
        for (const SyscallEntry& entry : kTable) names.add(entry.number, entry.name);
        return names;
    }();
    return kNames;
}

}  // namespace pipetrace
