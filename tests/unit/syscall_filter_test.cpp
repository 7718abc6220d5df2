// What is left once the filter holds: tried in a child, since it cannot be taken off again.
#include "app/syscall_filter.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <thread>

namespace pipetrace {
namespace {

constexpr int kNotRestricted = 100;

/// The status of a child in which `act` returned it, under the filter.
int under_filter(const std::function<int()>& act) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(restrict_system_calls() ? act() : kNotRestricted);
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
    return WEXITSTATUS(status);
}

/// The errno of a call that must fail, or 0.
int errno_of(long result) { return result < 0 ? errno : 0; }

TEST(SyscallFilter, RefusesAsIfTheKernelHadNotTheCall) {
    char name[] = "/bin/true";
    char* arguments[] = {name, nullptr};
    EXPECT_EQ(under_filter([&] { return errno_of(::execv(name, arguments)); }), ENOSYS);
    EXPECT_EQ(under_filter([] { return errno_of(::kill(::getppid(), 0)); }), ENOSYS);
    EXPECT_EQ(under_filter([] { return errno_of(::ptrace(PTRACE_ATTACH, ::getppid(), nullptr, nullptr)); }),
              ENOSYS);
    EXPECT_EQ(under_filter([] { return errno_of(::socket(AF_INET, SOCK_STREAM, 0)); }), ENOSYS);
    EXPECT_EQ(under_filter([] { return errno_of(::socket(AF_NETLINK, SOCK_RAW, 0)); }), ENOSYS);
    EXPECT_EQ(under_filter([] { return errno_of(::setuid(0)); }), ENOSYS);
    EXPECT_EQ(under_filter([] { return errno_of(::chmod("/", 0755)); }), ENOSYS);
}

TEST(SyscallFilter, MakesNoMemoryExecutableThatIsWritable) {
    constexpr std::size_t kPage = 4096;
    const auto map = [](int protection) {
        return ::mmap(nullptr, kPage, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    };
    EXPECT_EQ(under_filter([&] { return map(PROT_READ | PROT_WRITE | PROT_EXEC) == MAP_FAILED ? errno : 0; }),
              ENOSYS);
    EXPECT_EQ(under_filter([&] {
                  void* page = map(PROT_READ | PROT_WRITE);
                  return errno_of(::mprotect(page, kPage, PROT_READ | PROT_EXEC));
              }),
              ENOSYS);
    EXPECT_EQ(under_filter([&] { return map(PROT_READ | PROT_WRITE) == MAP_FAILED ? 1 : 0; }), 0);
}

TEST(SyscallFilter, LeavesFilesThreadsAndTheJournalsSocket) {
    EXPECT_EQ(under_filter([] {
                  char path[] = "/tmp/pipetrace_filter_XXXXXX";
                  const int file = ::mkstemp(path);
                  const bool is_written =
                      ::write(file, "x", 1) == 1 && ::fdatasync(file) == 0 && ::ftruncate(file, 0) == 0;
                  ::unlink(path);
                  return is_written ? 0 : 1;
              }),
              0);
    EXPECT_EQ(under_filter([] {
                  int answer = 1;
                  std::thread([&] { answer = 0; }).join();
                  return answer;
              }),
              0);
    EXPECT_EQ(under_filter([] { return ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) >= 0 ? 0 : 1; }), 0);
}

TEST(SyscallFilter, HoldsForThreadsThatRanBefore) {
    std::atomic<int> stage = 0;
    const pid_t child = ::fork();
    if (child == 0) {
        int refused = 0;
        std::thread before([&] {
            while (stage == 0) std::this_thread::yield();
            refused = errno_of(::kill(::getppid(), 0));
        });
        const bool is_restricted = static_cast<bool>(restrict_system_calls());
        stage = 1;
        before.join();
        ::_exit(is_restricted ? refused : kNotRestricted);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(WEXITSTATUS(status), ENOSYS);
}

TEST(SyscallFilter, LetsItAbort) {
    const pid_t child = ::fork();
    if (child == 0) {
        static_cast<void>(restrict_system_calls());
        std::abort();
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status));
    EXPECT_EQ(WTERMSIG(status), SIGABRT);
}

}  // namespace
}  // namespace pipetrace
