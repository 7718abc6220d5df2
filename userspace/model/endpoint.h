// One local socket or pipe, and what the kernel knew of it at a moment.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace pipetrace {

enum class EndpointKind : std::uint8_t { kNone = 0, kTcp = 1, kUnix = 2, kPipe = 3 };
const char* endpoint_kind_name(EndpointKind kind);  ///< "" for kNone

/// IPv6, or IPv4 as ::ffff:a.b.c.d (so that a v4-mapped socket mirrors a v4 one). Port in host order.
struct Address {
    std::array<std::uint8_t, 16> ip{};
    std::uint16_t port = 0;

    auto operator<=>(const Address&) const = default;
};

/// TCP states, kernel numbering (include/net/tcp_states.h); 0 means not known.
enum class TcpState : std::uint8_t {
    kUnknown = 0,
    kEstablished = 1,
    kSynSent = 2,
    kSynRecv = 3,
    kFinWait1 = 4,
    kFinWait2 = 5,
    kTimeWait = 6,
    kClose = 7,
    kCloseWait = 8,
    kLastAck = 9,
    kListen = 10,
    kClosing = 11,
    kNewSynRecv = 12,
};

/// Kernel spelling without TCP_; "" for kUnknown.
const char* tcp_state_name(TcpState state);

/// sk_shutdown bits.
inline constexpr std::uint8_t kReceiveShutdown = 1;
inline constexpr std::uint8_t kSendShutdown = 2;

struct Endpoint {
    EndpointKind kind = EndpointKind::kNone;
    std::uint64_t id =
        0;  ///< socket cookie, or kind and inode of a pipe or a unix socket; unique while tracing
    std::uint32_t netns = 0;
    TcpState state = TcpState::kUnknown;  ///< when the record was made
    Address local;
    Address remote;

    bool known() const { return kind != EndpointKind::kNone && id != 0; }
    /// Of a pipe or a unix socket, as /proc/PID/fd shows it.
    std::uint64_t inode() const { return id & 0xffffffffffffffULL; }
    /// Of a pipe: it has a name (PT_FIFO_ID, bpf/pipe.bpf.h), and /proc/PID/fd shows that.
    bool is_fifo() const { return (id >> 56 & 1) != 0; }

    bool operator==(const Endpoint&) const = default;
};

enum class SocketType : std::uint8_t { kUnknown = 0, kStream = 1, kDatagram = 2, kSeqpacket = 5 };

/// The bytes of a unix socket's sun_path; an abstract name begins with a 0.
struct UnixName {
    std::array<char, 108> bytes{};
    std::uint16_t length = 0;

    bool known() const { return length != 0; }
    /// "/run/x.sock", "@abstract"; "" for an unnamed socket.
    std::string text() const;

    bool operator==(const UnixName&) const = default;
};

/// Whether two sockets are the two ends of one connection, judged by addresses alone.
inline bool mirrors(const Endpoint& a, const Endpoint& b) {
    return a.local == b.remote && a.remote == b.local;
}

/// struct tcp_sock and struct sock at the moment of the record. Ages are jiffies
/// converted, so no finer than a tick (4 ms at HZ=250).
struct TcpFacts {
    std::uint64_t bytes_sent = 0;      ///< payload, retransmissions not counted twice
    std::uint64_t bytes_acked = 0;     ///< of them, what the peer acknowledged
    std::uint64_t bytes_received = 0;  ///< payload, a FIN not counted
    std::uint32_t unread_bytes = 0;    ///< received, not yet read by the program
    std::uint32_t snd_nxt = 0;
    std::uint32_t rcv_nxt = 0;
    std::uint32_t rtt_us = 0;  ///< 0: none measured
    std::uint32_t retransmits = 0;
    std::uint32_t unsent_bytes = 0;    ///< written by the program, not yet sent once
    std::uint32_t user_timeout_ms = 0;
    std::uint8_t timeouts = 0;    ///< of the oldest segment without an acknowledgement, in a row
    std::uint8_t probes_out = 0;  ///< keepalive or window probes without an answer
    bool keepalive = false;       ///< SO_KEEPALIVE
    std::optional<std::uint64_t> last_sent_ago_us;
    std::optional<std::uint64_t> last_received_ago_us;
    std::uint64_t unacked_sent_ns = 0;  ///< ktime of the one unacknowledged segment; 0 none or several
    bool sent_again = false;            ///< that is when it was last sent, and not for the first time
    std::int32_t error = 0;             ///< sk_err, a positive errno
    std::int32_t soft_error = 0;
    std::uint8_t shutdown = 0;  ///< sk_shutdown

    bool operator==(const TcpFacts&) const = default;
};

}  // namespace pipetrace
