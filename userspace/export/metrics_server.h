// Answers scrapes over HTTP, on one thread of its own: GET and HEAD of /metrics, /-/ready and /-/healthy,
// nothing else.
//
// What a client can do is bounded: so many connections at once, of which the oldest makes room for a new one;
// so long a request; so many seconds from its first byte to its last. None waits for another: every socket is
// non-blocking. However often it is asked, the text is made anew ten times a second at most.
//
// The client library's own exposer is not used: its web server is built without IPv6 in Debian, and a few
// slow clients occupy all of its threads.
//
// Beside memory, threads and clocks the thread calls accept4, poll, recvfrom, sendto, shutdown, close, and
// what `render` does.
#pragma once

#include "model/options.h"
#include "model/result.h"

#include <functional>
#include <memory>
#include <string>

namespace pipetrace {

class MetricsServer {
public:
    struct Content {
        std::function<std::string()> render;  ///< the exposition; called by the server's thread
        std::function<bool()> is_ready;       ///< likewise
    };

    /// Listens when it returns; clients wait until start(). Port 0: any free one.
    static Result<std::unique_ptr<MetricsServer>> open(const ListenAddress& address, Content content);
    /// Begins to answer: what `render` reads is there. The thread takes no signal.
    Status start();
    /// Ends the thread and every connection.
    ~MetricsServer();
    MetricsServer(const MetricsServer&) = delete;
    MetricsServer& operator=(const MetricsServer&) = delete;

    /// With the port that was found.
    const ListenAddress& address() const;

private:
    class Loop;
    explicit MetricsServer(std::unique_ptr<Loop> loop);
    std::unique_ptr<Loop> loop_;
};

}  // namespace pipetrace
