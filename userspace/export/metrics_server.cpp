#include "export/metrics_server.h"

#include "export/http_request.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <list>
#include <optional>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace pipetrace {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t kClientsMax = 64;
constexpr int kBacklog = 128;
constexpr milliseconds kClientLife{10'000};  ///< from accept() to close()
constexpr milliseconds kGoodbye{1'000};      ///< for what the client had still sent, so that it meets no RST
constexpr milliseconds kTextLife{100};
constexpr milliseconds kRetryAccept{100};  ///< after it failed for want of something

class Descriptor {
public:
    explicit Descriptor(int fd) : fd_(fd) {}
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int get() const { return fd_; }

private:
    int fd_;
};

struct Client {
    explicit Client(int socket) : fd(socket), deadline(Clock::now() + kClientLife) {}

    Descriptor fd;
    Clock::time_point deadline;
    std::string request;
    std::string head;  ///< of the answer; empty: it has not been asked for yet
    std::shared_ptr<const std::string> body;
    std::size_t sent = 0;  ///< of both
    bool is_leaving = false;

    std::size_t body_size() const { return body ? body->size() : 0; }
    bool is_answering() const { return !head.empty() && !is_leaving; }
};

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;
    sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

SocketAddress socket_address(const ListenAddress& address) {
    SocketAddress made;
    auto* v4 = reinterpret_cast<sockaddr_in*>(&made.storage);
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&made.storage);
    if (::inet_pton(AF_INET, address.host.c_str(), &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(address.port);
        made.size = sizeof(*v4);
    } else if (::inet_pton(AF_INET6, address.host.c_str(), &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(address.port);
        made.size = sizeof(*v6);
    }
    return made;
}

Error cannot_listen(const ListenAddress& address, int error) {
    const std::string text = listen_address_text(address);
    Error told{"the metrics cannot be served at " + text, std::strerror(error),
               "name another address: --metrics 127.0.0.1:9435"};
    if (error == EADDRINUSE) {
        told.why = "another program listens there already";
        told.remedy = "`ss -ltnp` shows which; or choose another port: --metrics ADDR:PORT";
    } else if (error == EADDRNOTAVAIL) {
        told.why = "this host has no such address";
        told.remedy = "`ip address` shows those that it has; 127.0.0.1 is for scrapers on this host";
    } else if (error == EACCES) {
        told.why = "only root may listen on a port below 1024";
        told.remedy = "choose a higher one: --metrics ADDR:9435";
    } else if (error == EAFNOSUPPORT) {
        told.why = "this host has no such kind of address";
    }
    return told;
}

/// The port that bind() found.
std::uint16_t bound_port(int fd) {
    SocketAddress bound;
    bound.size = sizeof(bound.storage);
    if (::getsockname(fd, bound.get(), &bound.size) != 0) return 0;
    const bool is_v6 = bound.storage.ss_family == AF_INET6;
    return ntohs(is_v6 ? reinterpret_cast<sockaddr_in6*>(&bound.storage)->sin6_port
                       : reinterpret_cast<sockaddr_in*>(&bound.storage)->sin_port);
}

}  // namespace

class MetricsServer::Loop {
public:
    Loop(ListenAddress address, int listener, int wake, Content content)
        : address_(std::move(address)), listener_(listener), wake_(wake), content_(std::move(content)) {}
    ~Loop() {
        const std::uint64_t one = 1;
        // An eventfd that nobody reads takes its first number.
        [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof(one));
        if (thread_.joinable()) thread_.join();
    }
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    Status start() {
        // Signals are the main thread's.
        sigset_t all, before;
        sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before);
        int error = 0;
        try {
            thread_ = std::thread([this] { run(); });
        } catch (const std::system_error& no_thread) {
            error = no_thread.code().value();
        }
        ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
        return error == 0 ? Status(Done{}) : cannot_listen(address_, error);
    }
    const ListenAddress& address() const { return address_; }

private:
    void run();
    milliseconds next_timeout() const;
    void accept_all();
    void serve(Client& client);
    void read(Client& client);
    void answer(Client& client, HttpRequest request);
    void write(Client& client);
    std::shared_ptr<const std::string> text();

    ListenAddress address_;
    Descriptor listener_;
    Descriptor wake_;
    Content content_;
    std::list<Client> clients_;  ///< oldest first
    std::shared_ptr<const std::string> text_;
    Clock::time_point text_made_;
    Clock::time_point accept_from_;  ///< not before
    std::thread thread_;
};

void MetricsServer::Loop::run() {
    ::pthread_setname_np(::pthread_self(), "pt-metrics");
    std::vector<pollfd> polled;
    while (true) {
        polled.assign({{wake_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}});
        if (Clock::now() < accept_from_) polled.back().events = 0;
        for (const Client& client : clients_)
            polled.push_back(
                {client.fd.get(), static_cast<short>(client.is_answering() ? POLLOUT : POLLIN), 0});
        ::poll(polled.data(), polled.size(), static_cast<int>(next_timeout().count()));
        if (polled[0].revents != 0) return;
        auto ready = polled.begin() + 2;
        const Clock::time_point now = Clock::now();
        for (auto client = clients_.begin(); client != clients_.end(); ++ready) {
            bool is_over = now >= client->deadline;
            if (!is_over && ready->revents != 0) {
                serve(*client);
                is_over = now >= client->deadline;
            }
            client = is_over ? clients_.erase(client) : std::next(client);
        }
        if (polled[1].revents != 0) accept_all();
    }
}

milliseconds MetricsServer::Loop::next_timeout() const {
    const Clock::time_point now = Clock::now();
    milliseconds timeout{-1};
    const auto sooner = [&](Clock::time_point at) {
        const auto left = std::max(milliseconds{0}, std::chrono::ceil<milliseconds>(at - now));
        timeout = timeout.count() < 0 ? left : std::min(timeout, left);
    };
    for (const Client& client : clients_) sooner(client.deadline);
    if (now < accept_from_) sooner(accept_from_);
    return timeout;
}

void MetricsServer::Loop::accept_all() {
    constexpr int kAtOnce = 16;  // then those that were accepted
    for (int i = 0; i < kAtOnce; ++i) {
        const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            const bool is_lasting = errno != EAGAIN && errno != ECONNABORTED && errno != EINTR;
            if (is_lasting) accept_from_ = Clock::now() + kRetryAccept;
            return;
        }
        if (clients_.size() >= kClientsMax) clients_.pop_front();
        clients_.emplace_back(fd);
    }
}

/// Ends the client by its deadline.
void MetricsServer::Loop::serve(Client& client) {
    if (client.is_answering()) {
        write(client);
    } else {
        read(client);
    }
}

void MetricsServer::Loop::read(Client& client) {
    std::array<char, 4096> bytes;
    const ssize_t count = ::recv(client.fd.get(), bytes.data(), bytes.size(), 0);
    if (count <= 0) {
        const bool is_over = count == 0 || (errno != EAGAIN && errno != EINTR);
        if (is_over) client.deadline = {};
        return;
    }
    if (client.is_leaving) return;
    client.request.append(bytes.data(), static_cast<std::size_t>(count));
    if (const auto request = parse_http_request(client.request)) answer(client, *request);
}

void MetricsServer::Loop::answer(Client& client, HttpRequest request) {
    const auto page = [&](int status, const char* words) {
        client.body = std::make_shared<const std::string>(words);
        client.head = http_head(status, client.body->size());
    };
    switch (request.page) {
        case HttpPage::kMetrics:
            client.body = text();
            client.head = http_head(200, client.body->size());
            break;
        case HttpPage::kReady:
        case HttpPage::kHealthy: content_.is_ready() ? page(200, "ok\n") : page(503, "not ready\n"); break;
        case HttpPage::kNotFound: page(404, "not found\n"); break;
        case HttpPage::kWrongMethod: page(405, "GET and HEAD alone\n"); break;
        case HttpPage::kTooLong: page(431, "too long\n"); break;
        case HttpPage::kBadRequest: page(400, "bad request\n"); break;
    }
    if (request.head_only) client.body.reset();
    client.request = {};
    write(client);
}

void MetricsServer::Loop::write(Client& client) {
    while (client.sent < client.head.size() + client.body_size()) {
        const bool in_head = client.sent < client.head.size();
        const std::string_view part =
            in_head ? std::string_view(client.head).substr(client.sent)
                    : std::string_view(*client.body).substr(client.sent - client.head.size());
        const ssize_t count = ::send(client.fd.get(), part.data(), part.size(),
                                     MSG_NOSIGNAL | (in_head && client.body_size() > 0 ? MSG_MORE : 0));
        if (count < 0) {
            if (errno != EAGAIN && errno != EINTR) client.deadline = {};
            return;
        }
        client.sent += static_cast<std::size_t>(count);
    }
    ::shutdown(client.fd.get(), SHUT_WR);
    client.is_leaving = true;
    client.body.reset();
    client.deadline = std::min(client.deadline, Clock::now() + kGoodbye);
}

std::shared_ptr<const std::string> MetricsServer::Loop::text() {
    const Clock::time_point now = Clock::now();
    if (!text_ || now - text_made_ >= kTextLife) {
        text_ = std::make_shared<const std::string>(content_.render());
        text_made_ = now;
    }
    return text_;
}

Result<std::unique_ptr<MetricsServer>> MetricsServer::open(const ListenAddress& address, Content content) {
    SocketAddress wanted = socket_address(address);
    const int fd = ::socket(wanted.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return cannot_listen(address, errno);
    const int on = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    const bool listens = ::bind(fd, wanted.get(), wanted.size) == 0 && ::listen(fd, kBacklog) == 0;
    const int wake = listens ? ::eventfd(0, EFD_CLOEXEC) : -1;
    if (wake < 0) {
        const int error = errno;
        ::close(fd);
        return cannot_listen(address, error);
    }
    ListenAddress bound{address.host, bound_port(fd)};
    return std::unique_ptr<MetricsServer>(
        new MetricsServer(std::make_unique<Loop>(std::move(bound), fd, wake, std::move(content))));
}

MetricsServer::MetricsServer(std::unique_ptr<Loop> loop) : loop_(std::move(loop)) {}
MetricsServer::~MetricsServer() = default;

Status MetricsServer::start() { return loop_->start(); }
const ListenAddress& MetricsServer::address() const { return loop_->address(); }

}  // namespace pipetrace
