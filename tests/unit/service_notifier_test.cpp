// What arrives at a service manager's socket.
#include "export/service_notifier.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <ctime>
#include <string>

namespace pipetrace {
namespace {

using std::chrono::milliseconds;

class ServiceNotifierTest : public ::testing::Test {
protected:
    void SetUp() override {
        char name[] = "/tmp/pipetrace_notify_XXXXXX";
        ASSERT_NE(::mkdtemp(name), nullptr);
        folder_ = name;
        socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path().copy(address.sun_path, sizeof(address.sun_path) - 1);
        ASSERT_EQ(::bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
        ::setenv("NOTIFY_SOCKET", path().c_str(), 1);
    }
    void TearDown() override {
        for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) ::unsetenv(name);
        ::close(socket_);
        ::unlink(path().c_str());
        ::rmdir(folder_.c_str());
    }
    std::string path() const { return folder_ + "/notify"; }

    /// The next message; empty if there is none.
    std::string told() const {
        std::array<char, 512> text{};
        const ssize_t size = ::recv(socket_, text.data(), text.size(), 0);
        return size < 0 ? std::string() : std::string(text.data(), static_cast<std::size_t>(size));
    }

    std::string folder_;
    int socket_ = -1;
};

TEST_F(ServiceNotifierTest, TellsItsStates) {
    ServiceNotifier notifier;
    notifier.ready("tracing\nREADY=0");
    EXPECT_EQ(told(), "READY=1\nSTATUS=tracing READY=0");
    notifier.status("bad file");
    EXPECT_EQ(told(), "STATUS=bad file");
    notifier.stopping();
    EXPECT_EQ(told(), "STOPPING=1");
    EXPECT_EQ(told(), "");
}

TEST_F(ServiceNotifierTest, DatesAReload) {
    timespec before{};
    ::clock_gettime(CLOCK_MONOTONIC, &before);
    ServiceNotifier().reloading();
    const std::string message = told();
    const std::string start = "RELOADING=1\nMONOTONIC_USEC=";
    ASSERT_EQ(message.substr(0, start.size()), start);
    const long long at = std::stoll(message.substr(start.size()));
    const long long since = before.tv_sec * 1'000'000LL + before.tv_nsec / 1000;
    EXPECT_GE(at, since);
    EXPECT_LT(at, since + 10'000'000);
}

TEST_F(ServiceNotifierTest, BeatsAtHalfOfTheInterval) {
    ::setenv("WATCHDOG_USEC", "2000000", 1);
    ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
    ServiceNotifier notifier;
    const ServiceNotifier::Clock::time_point start{};
    notifier.beat(start);
    EXPECT_EQ(told(), "WATCHDOG=1");
    notifier.beat(start + milliseconds(999));
    EXPECT_EQ(told(), "");
    notifier.beat(start + milliseconds(1000));
    EXPECT_EQ(told(), "WATCHDOG=1");
}

TEST_F(ServiceNotifierTest, DoesNotBeatForAnother) {
    ServiceNotifier().beat({});
    EXPECT_EQ(told(), "");
    ::setenv("WATCHDOG_USEC", "2000000", 1);
    ::setenv("WATCHDOG_PID", std::to_string(::getppid()).c_str(), 1);
    ServiceNotifier().beat({});
    EXPECT_EQ(told(), "");
}

TEST_F(ServiceNotifierTest, IsSilentWhereNobodyListens) {
    ::unsetenv("NOTIFY_SOCKET");
    ServiceNotifier().ready("tracing");
    EXPECT_EQ(told(), "");
}

}  // namespace
}  // namespace pipetrace
