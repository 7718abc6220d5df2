// Incident: one process, one endpoint, one failure. The correlator fills it, the diagnoser adds
// the verdict, renderers read it. Fields follow incident.schema.json; an empty optional is "null".
#pragma once

#include "model/burst.h"
#include "model/details.h"
#include "model/endpoint.h"
#include "model/event.h"
#include "model/ktime.h"
#include "model/log_line.h"
#include "model/process.h"
#include "model/verdict.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pipetrace {

struct HostIdentity {
    std::string name;
    std::string boot_id;
    std::string kernel;
};

enum class Role : std::uint8_t { kVictim, kOrigin };

/// A process as an incident tells of it.
struct InvolvedProcess {
    std::optional<Tgid> tgid;
    std::optional<std::string> comm;
    std::optional<Tgid> parent_tgid;
    std::optional<WallTime> start_time;
    std::optional<std::uint32_t> uid;
    std::optional<Tgid> namespace_tgid;
    ProcessDetails details;
    ProcessId identity;           ///< for lookups; not rendered
    std::uint64_t cgroup_id = 0;  ///< the same
};

enum class PeerAction : std::uint8_t { kClose, kShutdown, kExit, kKilled, kAbort, kNone };
const char* peer_action_name(PeerAction action);  ///< the contract's spelling

struct Peer {
    InvolvedProcess process;
    std::optional<PeerAction> action;
    std::optional<std::uint32_t> unread_bytes;
    std::optional<std::string> host;
    std::optional<int> killed_by_signal;  ///< with kKilled
};

/// One kind of failed call, in the order first met.
struct CallError {
    int error = 0;                       ///< positive errno
    std::optional<std::string> syscall;  ///< "sendto"
    std::optional<std::int32_t> fd;
    std::optional<Tid> tid;
    std::optional<std::string> thread;
    std::optional<std::int64_t> bytes;
    std::uint64_t count = 1;
    std::uint64_t told_before = 0;  ///< of them, by earlier revisions; not in JSON
    bool inferred = false;
    Ktime first;
};

/// Ordered by gravity: the gravest one seen is told.
enum class SigpipeFate : std::uint8_t { kNone, kSuppressed, kIgnored, kBlocked, kHandled, kKilled };
const char* sigpipe_fate_name(SigpipeFate fate);  ///< the contract's spelling

enum class FirstClose : std::uint8_t { kPeer, kLocal, kNone };
const char* first_close_name(FirstClose who);

struct RstFacts {
    bool received = true;
    TcpState state = TcpState::kUnknown;
    std::optional<std::string> why;
    std::optional<std::uint32_t> seq;
    std::optional<std::uint8_t> ttl;
    std::optional<std::uint8_t> handshake_ttl;
    std::optional<std::string> flags;  ///< "RST", "RST|ACK"
    std::optional<std::uint16_t> window;
    std::optional<std::uint64_t> delay_us;  ///< after the write that drew it
    Ktime at;
};

struct EndpointStory {
    EndpointKind kind = EndpointKind::kTcp;
    std::optional<std::int32_t> fd;
    std::optional<std::string> local;  ///< "127.0.0.1:50870", "[::1]:50870", "pipe:[1234]"
    std::optional<std::string> remote;
    std::optional<std::uint32_t> netns;
    TcpState state = TcpState::kUnknown;  ///< when the first error was raised
    std::optional<std::uint64_t> age_us;
    std::optional<std::uint64_t> idle_us;
    std::optional<std::uint64_t> bytes_sent;
    std::optional<std::uint64_t> bytes_acked;
    std::optional<std::uint64_t> bytes_received;
    std::optional<std::uint32_t> rtt_us;
    std::optional<std::uint32_t> retransmits;
};

enum class Side : std::uint8_t { kLocal, kPeer, kNetwork };
const char* side_name(Side side);

/// One step of the story. `event` is the machine's word ("fin_received"); `detail` small facts
/// about it, rendered as a JSON object and used by the text renderer to make the sentence.
struct TimelineEntry {
    Ktime at;
    bool time_known = true;  ///< false: read from the socket's state, happened at or before `at`
    std::string_view event;  ///< a literal
    Side side = Side::kLocal;
    Details detail;
};

/// What the rules judge by; not rendered. Filled by the correlator beside the told fields.
struct IncidentFacts {
    bool older_than_trace = false;  ///< the endpoint existed before tracing began
    bool was_connected = false;
    bool passive = false;  ///< accepted, not connected
    bool fin_received = false;
    std::optional<bool> sent_after_fin;  ///< snd_nxt advanced after CLOSE_WAIT was entered
    std::uint8_t shutdown = 0;           ///< sk_shutdown when the first call failed
    bool peer_on_host = false;           ///< the other end was seen here
    bool peer_on_other_host = false;     ///< it was seen on another host, whose recording was merged with this one
    bool peer_unsure = false;            ///< and that it is this one's is likely, not proven
    OtherEnd other_end = OtherEnd::kUnknown;        ///< of a unix socket, when the call failed
    SocketType socket_type = SocketType::kUnknown;  ///< likewise
    bool was_reset = false;     ///< a unix socket's other end had closed with data of ours unread
    bool unread_seen = false;   ///< whoever closes a unix socket with data unread is seen
    bool sent_to_name = false;  ///< one message of an unconnected datagram socket
    Closure own_closure;
    Closure peer_closure;
    std::optional<ResetSent> peer_reset;  ///< the RST as the kernel of the other end sent it, if here
    bool receives_seen = false;            ///< a hook sees each receive that fails
    bool resets_seen = true;               ///< each RST that this host receives is seen
    bool is_any_left_out = false;          ///< observations were, at the user's wish
    bool nobody_told = false;              ///< no call of any program can have met the failure
    std::uint64_t idle_after_us = 0;       ///< silence that a device on the way may not outlast
    bool was_established = false;          ///< the handshake had ended
    std::optional<RstPacket> rst_packet;
    std::optional<std::uint32_t> expected_seq;  ///< rcv_nxt when the RST came
    std::optional<std::uint64_t> rst_delay_us;  ///< after the write that drew it
    bool answered_late_data = false;  ///< this end had shut down: its kernel answered what came with a RST
    bool data_after_rst = false;           ///< the peer went on sending: this host answered with a RST
    std::optional<PacketFiltered> filtered;
    bool sent_by_nobody_here = false;      ///< the peer is on this host, whose kernel sent no RST for it
    ProcessId cause_process;               ///< whose failure `caused_by` is
    bool by_child = false;                 ///< `caused_by` is a failure of a child that the peer waited for
    int pending_error = 0;                 ///< that the network left on the socket
    std::optional<TcpFacts> at_error;      ///< the socket when that was raised
    std::optional<std::uint64_t> age_at_error_us;  ///< of the endpoint then
    std::optional<ResetSent> own_reset;    ///< the first RST that this end sent
};

/// Told while load was shed: of the connections that failed then only a share is told.
struct Sampled {
    std::uint32_t share_millionths = 0;
    std::uint64_t counted_only = 0;  ///< incidents that had only been counted, since the trace began
};

struct Incident {
    std::string id;
    std::uint32_t revision = 0;
    bool is_final = false;  ///< no revision will follow; not in JSON
    Ktime at;  ///< the first error told, else the SIGPIPE, else what killed the endpoint
    Role role = Role::kVictim;
    InvolvedProcess process;
    EndpointStory endpoint;
    std::vector<CallError> errors;
    std::optional<SigpipeFate> sigpipe;
    std::optional<RstFacts> rst;
    std::optional<FirstClose> first_close;
    std::optional<Peer> peer;
    std::vector<TimelineEntry> timeline;
    std::optional<Sampled> sampled;  ///< empty: all were told, and JSON has no such field
    std::optional<JoinedLog> log;  ///< empty: no log is followed, and JSON has no such field
    std::optional<std::string> caused_by;
    std::optional<Burst> burst;
    std::uint64_t alike_group = 0;    ///< those alike, one soon after the other; not in JSON
    std::optional<std::string> root;  ///< the first of the chain that ends here; not in JSON
    std::uint64_t lost = 0;  ///< events lost while it was open
    IncidentFacts facts;
    Verdict verdict;
};

}  // namespace pipetrace
