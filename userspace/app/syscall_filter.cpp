#include "app/syscall_filter.h"

#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <vector>

namespace pipetrace {
namespace {

// By name, since each architecture and each version of the C library has its own of them.
constexpr const char* kAllowed[] = {
    // memory, threads, signals, time
    "brk",
    "munmap",
    "mremap",
    "madvise",
    "futex",
    "futex_waitv",
    "set_robust_list",
    "rseq",
    "set_tid_address",
    "exit",
    "exit_group",
    "sched_yield",
    "sched_getaffinity",
    "membarrier",
    "getcpu",
    "gettid",
    "getpid",
    "getppid",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "rt_sigtimedwait",
    "sigaltstack",
    "restart_syscall",
    "clock_gettime",
    "clock_getres",
    "clock_nanosleep",
    "nanosleep",
    "gettimeofday",
    "time",
    "getpriority",
    "setpriority",
    "getrusage",
    "times",
    "sysinfo",
    "uname",
    "getrandom",
    "getuid",
    "geteuid",
    "getgid",
    "getegid",
    "getgroups",
    "getresuid",
    "getresgid",
    "getrlimit",
    // files: the recording, the lines, /proc, /sys, the configuration
    "read",
    "write",
    "readv",
    "writev",
    "pread64",
    "pwrite64",
    "preadv",
    "pwritev",
    "lseek",
    "_llseek",
    "open",
    "openat",
    "openat2",
    "close",
    "fstat",
    "stat",
    "lstat",
    "newfstatat",
    "statx",
    "access",
    "faccessat",
    "faccessat2",
    "fcntl",
    "ftruncate",
    "fallocate",
    "fsync",
    "fdatasync",
    "sync_file_range",
    "unlink",
    "unlinkat",
    "rename",
    "renameat",
    "renameat2",
    "mkdir",
    "mkdirat",
    "getdents64",
    "readlink",
    "readlinkat",
    "flock",
    "dup",
    "dup3",
    "fchmod",
    "fchown",
    "umask",
    "statfs",
    "fstatfs",
    "getcwd",
    "memfd_create",
    // waiting, and sockets that are there already
    "poll",
    "ppoll",
    "select",
    "pselect6",
    "epoll_create1",
    "epoll_ctl",
    "epoll_wait",
    "epoll_pwait",
    "epoll_pwait2",
    "eventfd2",
    "pipe2",
    "accept",
    "accept4",
    "connect",
    "recvfrom",
    "recvmsg",
    "recvmmsg",
    "sendto",
    "sendmsg",
    "sendmmsg",
    "shutdown",
    "getsockname",
    "getpeername",
    "getsockopt",
    "setsockopt",
};

/// A system call whose argument, masked, must have this value.
struct Bounded {
    const char* name;
    unsigned argument;
    std::uint64_t mask;
    std::uint64_t value;
};

constexpr std::uint64_t kWhole = 0xffff'ffff;
constexpr std::uint64_t kWriteExecute = PROT_WRITE | PROT_EXEC;

std::vector<Bounded> bounded_calls() {
    std::vector<Bounded> calls{
        {"socket", 0, kWhole, AF_UNIX},
        {"clone", 0, CLONE_THREAD, CLONE_THREAD},
        {"tgkill", 0, kWhole, static_cast<std::uint64_t>(::getpid())},
        {"mmap", 2, kWriteExecute, 0},
        {"mmap", 2, kWriteExecute, PROT_WRITE},
        {"mmap", 2, kWriteExecute, PROT_EXEC},
        {"mprotect", 2, PROT_EXEC, 0},
        {"prlimit64", 2, ~std::uint64_t{0}, 0},
        {"prctl", 0, kWhole, PR_SET_NAME},
    };
    // What a terminal is asked, a server's socket is set to, and the end of a kprobe.
    for (const std::uint64_t request :
         std::initializer_list<std::uint64_t>{TCGETS, TIOCGWINSZ, FIONBIO, FIONREAD, PERF_EVENT_IOC_DISABLE})
        calls.push_back({"ioctl", 1, kWhole, request});
    for (const std::uint64_t command :
         {BPF_MAP_LOOKUP_ELEM, BPF_MAP_LOOKUP_BATCH, BPF_MAP_UPDATE_ELEM, BPF_MAP_DELETE_ELEM, BPF_MAP_GET_NEXT_KEY,
          BPF_OBJ_GET_INFO_BY_FD, BPF_LINK_CREATE, BPF_ITER_CREATE})
        calls.push_back({"bpf", 0, kWhole, command});
    return calls;
}

/// A name that this architecture has not, or that libseccomp does not know yet, is no error.
int allow(scmp_filter_ctx filter, const char* name, const std::vector<scmp_arg_cmp>& conditions) {
    const int number = seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR) return 0;
    return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number, static_cast<unsigned>(conditions.size()),
                                  conditions.empty() ? nullptr : conditions.data());
}

int fill(scmp_filter_ctx filter) {
    int status = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    // No mitigation for our own sake: it would slow down the loop, and nothing untrusted runs in here.
    if (status == 0) status = seccomp_attr_set(filter, SCMP_FLTATR_CTL_SSB, 1);
    if (status == 0) status = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    for (const char* name : kAllowed) {
        if (status == 0) status = allow(filter, name, {});
    }
    for (const Bounded& call : bounded_calls()) {
        if (status == 0)
            status = allow(filter, call.name, {{call.argument, SCMP_CMP_MASKED_EQ, call.mask, call.value}});
    }
    return status;
}

}  // namespace

Status restrict_system_calls() {
    const std::unique_ptr<void, void (*)(scmp_filter_ctx)> filter(seccomp_init(SCMP_ACT_ERRNO(ENOSYS)),
                                                                  seccomp_release);
    int status = filter ? fill(filter.get()) : -ENOMEM;
    if (status == 0) status = seccomp_load(filter.get());
    if (status == 0) return Done{};
    return Error{
        "pipetrace cannot restrict itself to the system calls that it needs", std::strerror(-status),
        "see whether the kernel has seccomp filters (CONFIG_SECCOMP_FILTER), and a container allows them"};
}

}  // namespace pipetrace
