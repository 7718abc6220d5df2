// Events: one typed value per record, as the decoder makes them and the correlator takes them.
// Kernel facts behind each are named beside it. Nothing here allocates.
#pragma once

#include "model/endpoint.h"
#include "model/ktime.h"
#include "model/process.h"

#include <array>
#include <cstdint>
#include <optional>
#include <variant>

namespace pipetrace {

/// A RST as it came off the wire, where a hook saw its packet.
struct RstPacket {
    std::uint32_t seq = 0;
    std::uint8_t ttl = 0;
    std::uint8_t handshake_ttl = 0;  ///< of the SYN-ACK or the handshake's ACK; 0 not seen
    std::uint8_t flags = 0;          ///< TCP flag bits; 0x04 RST, 0x10 ACK
    std::uint16_t window = 0;        ///< as sent, not scaled

    bool operator==(const RstPacket&) const = default;
};

/// tcp_reset() ran: the endpoint is dead. Without a packet it may, in FIN_WAIT, be the
/// kernel's own answer to data after shutdown (tcp_rcv_state_process, all releases).
struct ResetReceived {
    Endpoint endpoint;
    TcpFacts tcp;
    std::optional<RstPacket> packet;
    bool is_subflow = false;  ///< of an MPTCP socket: its program is told only if that socket reports an error

    bool operator==(const ResetReceived&) const = default;
};

/// tcp_send_active_reset() or tcp_v{4,6}_send_reset(). `endpoint.id` is 0 where no socket sent it.
struct ResetSent {
    Endpoint endpoint;
    TcpFacts tcp;
    bool active = false;                ///< aborts its own connection; else answers a segment
    std::optional<int> reason;          ///< enum sk_rst_reason, kernels >= 6.12
    std::uint8_t provoking_flags = 0;   ///< TCP flags of the answered segment; 0 not seen
    std::uint16_t provoking_bytes = 0;  ///< its payload, 65535 at most
    std::optional<std::uint32_t> seq;   ///< of the RST itself
    bool peer_here = false;             ///< it goes to this host itself, or to an end that is known here

    bool operator==(const ResetSent&) const = default;
};

/// The system call under way, from the task's saved registers.
struct CallSite {
    std::uint16_t number = 0xffff;  ///< system call number; 0xffff not known
    std::int32_t fd = -1;           ///< that refers to the endpoint; -1 not known
    std::int64_t bytes = -1;        ///< asked for; -1 not known
    std::uint32_t flags = 0;        ///< MSG_*

    bool operator==(const CallSite&) const = default;
};

/// sk_error_report(): the pending error is in tcp.error; 0 is no new error, but during a connect()
/// it says that the call failed (tcp_disconnect on its way out).
struct ErrorRaised {
    Endpoint endpoint;
    TcpFacts tcp;
    CallSite call;

    bool operator==(const ErrorRaised&) const = default;
};

enum class CallDirection : std::uint8_t { kOther = 0, kSend = 1, kReceive = 2 };

/// A call on the endpoint returned -error.
struct CallFailed {
    Endpoint endpoint;
    TcpFacts tcp;
    CallSite call;
    CallDirection direction = CallDirection::kOther;
    std::int32_t error = 0;  ///< positive errno
    bool no_signal = false;  ///< MSG_NOSIGNAL was given

    bool operator==(const CallFailed&) const = default;
};

enum class Disposition : std::uint8_t { kDefault = 0, kIgnore = 1, kHandler = 2 };

/// send_sig(SIGPIPE, current, 0) by the kernel itself: signal_generate with info NULL.
struct SigpipeGenerated {
    Endpoint endpoint;
    TcpFacts tcp;
    CallSite call;
    Disposition disposition = Disposition::kDefault;
    bool blocked = false;
    std::uint8_t result = 0;                     ///< TRACE_SIGNAL_*: 0 queued, 1 ignored, 2 already pending
    std::optional<std::uint64_t> written_bytes;  ///< task->ioac.wchar at that moment
    std::optional<bool>
        took_some;  ///< the pipe had taken a part of the write, whose count the call then returns

    bool operator==(const SigpipeGenerated&) const = default;
};

/// signal_deliver: 13 reached its handler, or 9 ends a task that SIGPIPE kills.
struct SigpipeDelivered {
    Disposition disposition = Disposition::kDefault;
    bool kills = false;
    std::optional<std::uint64_t> written_bytes;

    bool operator==(const SigpipeDelivered&) const = default;
};

/// What an end went through, where it was more than a plain close(), shutdown() or exit.
enum class ClosePath : std::uint8_t {
    kClose = 0,
    kLingerZero = 1,  ///< SO_LINGER with a time of 0
    kDisconnect = 2,  ///< connect(AF_UNSPEC)
    kListener = 3,    ///< not accepted yet when its listener was closed
    kDestroyed = 4,   ///< SOCK_DESTROY (`ss -K`), by somebody else
    kRepair = 5,      ///< TCP_REPAIR: gone without a packet
};

/// How an end was given up, kept by the kernel programs until somebody needs it.
struct Closure {
    Ktime at;
    Task by;  ///< unknown where the network closed it
    TcpState from = TcpState::kUnknown;
    TcpState to = TcpState::kUnknown;
    std::uint8_t shutdown = 0;  ///< sk_shutdown at that moment: 3 close(), 2 shutdown(SHUT_WR)
    bool exiting = false;       ///< inside do_exit
    std::uint8_t signal = 0;    ///< that kills the process, when exiting
    bool oom = false;           ///< the signal is the OOM killer's
    std::uint8_t exit_status = 0;  ///< when exiting, and no signal kills it
    ClosePath path = ClosePath::kClose;
    std::uint32_t unread_bytes = 0;
    bool unread_uncounted = false;  ///< some bytes were unread, how many is not known
    std::uint16_t call_number = 0xffff;

    bool known() const { return at.known(); }

    bool operator==(const Closure&) const = default;
};

/// What the kernel programs remembered of an endpoint, emitted when it, or its other end, fails.
struct EndpointRemembered {
    Endpoint endpoint;
    Task owner;          ///< who connected, accepted or was found holding it
    Ktime opened;        ///< connect() or the handshake's end; unknown if older than the trace
    Ktime fin_received;  ///< unknown with `fin_seen`: before the trace
    bool fin_seen = false;
    bool older_than_trace = false;
    bool passive = false;                       ///< accepted, not connected
    TcpState closed_from = TcpState::kUnknown;  ///< that CLOSE was entered from; unknown: not closed
    std::uint32_t snd_nxt_at_fin = 0;
    Closure closure;  ///< the first act that ended its sending

    bool operator==(const EndpointRemembered&) const = default;
};

/// inet_sock_set_state on an endpoint that has already been reported.
struct StateChanged {
    Endpoint endpoint;
    TcpFacts tcp;
    TcpState from = TcpState::kUnknown;
    TcpState to = TcpState::kUnknown;
    Closure closure;

    bool operator==(const StateChanged&) const = default;
};

/// tcp_destroy_sock on a reported endpoint; tcp.error != 0: the program never looked.
struct EndpointDestroyed {
    Endpoint endpoint;
    TcpFacts tcp;

    bool operator==(const EndpointDestroyed&) const = default;
};

/// One kind of repeated failure on an endpoint, counted by the kernel programs.
struct FailureCount {
    Tid tid = 0;
    std::uint16_t call_number = 0xffff;
    std::uint8_t error = 0;  ///< positive errno; SIGPIPE: 0
    bool is_sigpipe = false;
    bool took_some = false;   ///< with is_sigpipe: see SigpipeGenerated
    std::uint64_t count = 0;  ///< the first one included
    Ktime last;

    bool operator==(const FailureCount&) const = default;
};
inline constexpr std::size_t kFailureCountMax = 6;
struct FailuresCounted {
    Endpoint endpoint;
    Tgid tgid = 0;
    std::array<FailureCount, kFailureCountMax> counts{};

    bool operator==(const FailuresCounted&) const = default;
};

enum class OtherEnd : std::uint8_t { kUnknown = 0, kOpen = 1, kGone = 2 };

/// Who held the other end of a pipe or a unix socket, and how it went.
struct OtherEndSeen {
    Endpoint endpoint;         ///< the end that failed
    Closure closure;           ///< at unknown: still held by `by` when last seen
    bool last_holder = false;  ///< its going ended the other end; or it was the only one when last seen
    OtherEnd other_end = OtherEnd::kUnknown;        ///< of a unix socket
    SocketType socket_type = SocketType::kUnknown;  ///< likewise
    bool before_trace = false;  ///< a unix socket's other end was gone when the trace began
    Closure own;                ///< unix: the shutdown() of the failed end's own sending

    bool operator==(const OtherEndSeen&) const = default;
};

/// What the two ends of a unix socket are called.
struct UnixNamed {
    Endpoint endpoint;
    UnixName local;
    UnixName remote;
    bool is_target = false;  ///< `remote` is where one message was to go: the socket is not connected

    bool operator==(const UnixNamed&) const = default;
};

/// A packet filter of this host dropped segments that the endpoint had sent (tp kfree_skb).
struct PacketFiltered {
    Endpoint endpoint;
    Ktime last;
    std::uint64_t count = 0;

    bool operator==(const PacketFiltered&) const = default;
};

struct ProcessForked {
    Task child;

    bool operator==(const ProcessForked&) const = default;
};
struct ProcessExecuted {
    bool operator==(const ProcessExecuted&) const = default;
};
struct ProcessExited {
    int exit_code = 0;  ///< wait status: low 7 bits are the signal

    bool operator==(const ProcessExited&) const = default;
};

/// From now on a share of all connections is told, and the others are only counted (`serve`, shedding load).
struct SamplingChanged {
    std::uint32_t share_millionths = kAllMillionths;
    std::uint64_t counted_only = 0;  ///< incidents so far

    static constexpr std::uint32_t kAllMillionths = 1'000'000;
    bool operator==(const SamplingChanged&) const = default;
};

using EventBody =
    std::variant<std::monostate, ResetReceived, ResetSent, ErrorRaised, CallFailed, SigpipeGenerated,
                 SigpipeDelivered, EndpointRemembered, StateChanged, EndpointDestroyed, FailuresCounted,
                 OtherEndSeen, PacketFiltered, UnixNamed, ProcessForked, ProcessExecuted, ProcessExited,
                 SamplingChanged>;

struct Event {
    Ktime at;
    Task task;              ///< current, only where the kernel was working for it; unknown in softirq
    bool is_traced = true;  ///< of the processes asked for (-p and their children)
    EventBody body;

    bool operator==(const Event&) const = default;
};

}  // namespace pipetrace
