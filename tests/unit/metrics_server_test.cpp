// The metrics server against clients that are slow, many, or hang.
#include "export/metrics_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace pipetrace {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kAnswerMs = 5000;

/// A client's end of a connection on loopback.
class Client {
public:
    explicit Client(std::uint16_t port, int receive_bytes = 0)
        : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        if (receive_bytes > 0)
            ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof(receive_bytes));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        is_connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
    }
    Client(Client&& other) noexcept : fd_(std::exchange(other.fd_, -1)), is_connected_(other.is_connected_) {}
    Client& operator=(Client&&) = delete;
    ~Client() {
        if (fd_ >= 0) ::close(fd_);
    }

    bool is_connected() const { return is_connected_; }
    bool say(const std::string& text) {
        return ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
    }
    /// To the end of the connection, or as far as it comes in time.
    std::string hear(int milliseconds = kAnswerMs) {
        std::string heard;
        const auto deadline = Clock::now() + std::chrono::milliseconds(milliseconds);
        char bytes[4096];
        while (Clock::now() < deadline) {
            pollfd readable{fd_, POLLIN, 0};
            if (::poll(&readable, 1, std::min(milliseconds, 100)) <= 0) continue;
            const ssize_t count = ::recv(fd_, bytes, sizeof(bytes), 0);
            if (count <= 0) {
                ended_by_ = count < 0 ? errno : 0;
                return heard;
            }
            heard.append(bytes, static_cast<std::size_t>(count));
        }
        ended_by_ = ETIMEDOUT;
        return heard;
    }
    int ended_by() const { return ended_by_; }  ///< 0: in order

private:
    int fd_;
    bool is_connected_ = false;
    int ended_by_ = 0;
};

class MetricsServerTest : public ::testing::Test {
protected:
    void SetUp() override {
        auto opened = MetricsServer::open(
            {"127.0.0.1", 0}, {[this] { return ++rendered_, body_; }, [this] { return is_ready_.load(); }});
        ASSERT_TRUE(opened) << opened.error().why;
        server_ = std::move(*opened);
        ASSERT_TRUE(server_->start());
        port_ = server_->address().port;
    }

    std::string ask(const std::string& request) {
        Client client(port_);
        EXPECT_TRUE(client.is_connected());
        EXPECT_TRUE(client.say(request));
        std::string heard = client.hear();
        EXPECT_EQ(client.ended_by(), 0) << "in order, not by a RST";
        return heard;
    }
    std::string get(const std::string& path) { return ask("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n"); }

    std::string body_ = "up 1\n";
    std::atomic<int> rendered_{0};
    std::atomic<bool> is_ready_{false};
    std::unique_ptr<MetricsServer> server_;
    std::uint16_t port_ = 0;
};

TEST_F(MetricsServerTest, AnswersOnAPortThatItFound) {
    EXPECT_NE(port_, 0);
    EXPECT_TRUE(get("/metrics").ends_with("Content-Length: 5\r\nConnection: close\r\n\r\nup 1\n"));
    EXPECT_TRUE(get("/").starts_with("HTTP/1.1 404 "));
    EXPECT_TRUE(ask("POST /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc").starts_with("HTTP/1.1 405 "));
    EXPECT_TRUE(
        ask("HEAD /metrics HTTP/1.1\r\n\r\n").ends_with("Content-Length: 5\r\nConnection: close\r\n\r\n"));
    EXPECT_TRUE(get("/-/ready").starts_with("HTTP/1.1 503 "));
    is_ready_ = true;
    EXPECT_TRUE(get("/-/ready").starts_with("HTTP/1.1 200 "));
}

TEST_F(MetricsServerTest, TakesARequestInPieces) {
    Client client(port_);
    for (const char c : std::string("GET /metrics HTTP/1.1\r\n\r\n"))
        ASSERT_TRUE(client.say(std::string(1, c)));
    EXPECT_TRUE(client.hear().ends_with("up 1\n"));
}

TEST_F(MetricsServerTest, OneThatHangsIsNotWaitedFor) {
    body_ = std::string(8U << 20, 'x');  // more than both sockets' buffers
    std::vector<Client> hanging;
    for (int i = 0; i < 30; ++i) {
        hanging.emplace_back(port_, 4096);
        if (i % 2 == 0) {
            ASSERT_TRUE(hanging.back().say("GET /metrics HTTP/1.1\r\n\r\n"));  // and reads nothing
        } else {
            ASSERT_TRUE(hanging.back().say("GET /met"));
        }
    }
    const auto begin = Clock::now();
    EXPECT_EQ(get("/metrics").size(), get("/metrics").size());
    EXPECT_GT(get("/metrics").size(), body_.size());
    EXPECT_LT(Clock::now() - begin, std::chrono::seconds(3));
    EXPECT_LE(rendered_, 40) << "one text for many";
}

TEST_F(MetricsServerTest, ManyConnectionsMakeRoomForTheNext) {
    std::vector<Client> idle;
    for (int i = 0; i < 300; ++i) idle.emplace_back(port_);
    EXPECT_TRUE(get("/metrics").ends_with("up 1\n"));
    int ended = 0;
    for (Client& client : idle) {
        client.hear(1);
        ended += client.ended_by() != ETIMEDOUT ? 1 : 0;
    }
    EXPECT_GE(ended, 300 - 64) << "the oldest went";
}

TEST_F(MetricsServerTest, EndlessRequestsEnd) {
    Client client(port_);
    const std::string junk(4096, 'x');
    for (int i = 0; i < 100 && client.say(junk); ++i) {
    }
    client.hear(3000);
    EXPECT_NE(client.ended_by(), ETIMEDOUT);
    EXPECT_TRUE(get("/metrics").ends_with("up 1\n"));
}

TEST_F(MetricsServerTest, ATextServesAllWhoAskWithinAMoment) {
    const auto begin = Clock::now();
    for (int i = 0; i < 200; ++i) get("/metrics");
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin).count();
    EXPECT_LE(rendered_, took / 100 + 1);
}

TEST_F(MetricsServerTest, ItsThreadTakesNoSignal) {
    get("/-/ready");  // it runs, and has its name
    std::string blocked;
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
        std::ifstream status(task.path() / "status");
        std::string name;
        for (std::string line; std::getline(status, line);) {
            if (line.starts_with("Name:")) name = line.substr(line.find('\t') + 1);
            if (line.starts_with("SigBlk:") && name == "pt-metrics")
                blocked = line.substr(line.find('\t') + 1);
        }
    }
    ASSERT_EQ(blocked.size(), 16U) << "there is such a thread";
    const std::uint64_t mask = std::stoull(blocked, nullptr, 16);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGCHLD})
        EXPECT_NE(mask >> (signal - 1) & 1, 0U) << signal;
}

TEST(MetricsServer, SaysWhyItCannotListen) {
    auto first = MetricsServer::open({"127.0.0.1", 0}, {[] { return ""; }, [] { return true; }});
    ASSERT_TRUE(first);
    const std::uint16_t port = (*first)->address().port;
    const auto second = MetricsServer::open({"127.0.0.1", port}, {[] { return ""; }, [] { return true; }});
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().what, "the metrics cannot be served at 127.0.0.1:" + std::to_string(port));
    EXPECT_EQ(second.error().why, "another program listens there already");
    const auto foreign = MetricsServer::open({"203.0.113.7", 0}, {[] { return ""; }, [] { return true; }});
    ASSERT_FALSE(foreign);
    EXPECT_EQ(foreign.error().why, "this host has no such address");
    (*first).reset();
    EXPECT_TRUE(MetricsServer::open({"127.0.0.1", port}, {[] { return ""; }, [] { return true; }}))
        << "at once again, whatever is in TIME_WAIT";
}

}  // namespace
}  // namespace pipetrace
