#include "decode/decoder.h"

#include "pipetrace_abi.h"

#include <algorithm>
#include <cstring>
#include <optional>

namespace pipetrace {
namespace {

Comm comm_of(const char (&bytes)[PT_COMM_LEN]) {
    Comm comm;
    std::memcpy(comm.bytes.data(), bytes, comm.bytes.size());
    return comm;
}

Task task_of(const pt_task& raw) {
    Task task;
    task.process = {raw.tgid, raw.start_boottime_ns};
    task.tid = raw.tid;
    task.parent_tgid = raw.parent_tgid;
    task.uid = raw.uid;
    task.namespace_tgid = raw.namespace_tgid;
    task.cgroup_id = raw.cgroup_id;
    task.process_comm = comm_of(raw.process_comm);
    task.thread_comm = comm_of(raw.thread_comm);
    return task;
}

Address address_of(const std::uint8_t (&ip)[16], std::uint16_t port) {
    Address address;
    std::copy(std::begin(ip), std::end(ip), address.ip.begin());
    address.port = port;
    return address;
}

Endpoint endpoint_of(const pt_endpoint& raw) {
    Endpoint endpoint;
    endpoint.kind = static_cast<EndpointKind>(raw.kind);
    endpoint.id = raw.id;
    endpoint.netns = raw.netns;
    endpoint.state = static_cast<TcpState>(raw.state);
    endpoint.local = address_of(raw.local, raw.local_port);
    endpoint.remote = address_of(raw.remote, raw.remote_port);
    return endpoint;
}

/// A FIN of ours occupies one sequence number once it is sent.
bool own_fin_is_in_flight(std::uint8_t state) {
    const auto tcp_state = static_cast<TcpState>(state);
    return tcp_state == TcpState::kFinWait1 || tcp_state == TcpState::kLastAck ||
           tcp_state == TcpState::kClosing;
}

std::optional<std::uint64_t> microseconds_of(std::uint64_t ticks, std::uint64_t ticks_per_second) {
    if (ticks == PT_NO_AGE) return std::nullopt;
    return ticks * 1'000'000 / ticks_per_second;
}

TcpFacts tcp_of(const pt_tcp& raw, std::uint8_t state, std::uint64_t ticks_per_second) {
    TcpFacts tcp;
    const std::uint64_t sent = raw.bytes_sent - std::min(raw.bytes_sent, raw.bytes_retrans);
    std::uint64_t in_flight = raw.snd_nxt - raw.snd_una;
    if (in_flight > 0 && own_fin_is_in_flight(state)) in_flight -= 1;
    const std::uint32_t unread = raw.rcv_nxt - raw.copied_seq;
    const std::uint32_t fin = raw.fin_received ? 1 : 0;
    tcp.bytes_sent = sent;
    tcp.bytes_acked = sent - std::min(sent, in_flight);
    tcp.bytes_received = raw.bytes_received - std::min<std::uint64_t>(raw.bytes_received, fin);
    tcp.unread_bytes = unread - std::min(unread, fin);
    tcp.snd_nxt = raw.snd_nxt;
    tcp.rcv_nxt = raw.rcv_nxt;
    tcp.rtt_us = raw.srtt_us >> 3;
    tcp.retransmits = raw.retransmits;
    tcp.user_timeout_ms = raw.user_timeout_ms;
    tcp.unsent_bytes = raw.unsent;
    tcp.timeouts = raw.timeouts;
    tcp.probes_out = raw.probes_out;
    tcp.keepalive = raw.keepalive != 0;
    tcp.last_sent_ago_us = microseconds_of(raw.last_sent_ago_ticks, ticks_per_second);
    tcp.last_received_ago_us = microseconds_of(raw.last_received_ago_ticks, ticks_per_second);
    tcp.unacked_sent_ns = raw.unacked_sent_ns;
    tcp.sent_again = raw.sent_again != 0;
    tcp.error = raw.error;
    tcp.soft_error = raw.soft_error;
    tcp.shutdown = raw.shutdown;
    return tcp;
}

std::optional<std::uint64_t> count_of(std::uint64_t raw) {
    return raw == PT_NO_COUNT ? std::nullopt : std::optional(raw);
}

CallSite call_of(const pt_call& raw) { return CallSite{raw.number, raw.fd, raw.bytes, raw.msg_flags}; }

Closure closure_of(const pt_closure& raw) {
    Closure closure;
    closure.at = Ktime{raw.at_ns};
    closure.by = task_of(raw.by);
    closure.from = static_cast<TcpState>(raw.from_state);
    closure.to = static_cast<TcpState>(raw.to_state);
    closure.shutdown = raw.shutdown;
    closure.exiting = raw.exiting != 0;
    closure.signal = raw.signal;
    closure.oom = raw.oom != 0;
    closure.exit_status = raw.exit_status;
    closure.path = static_cast<ClosePath>(raw.path);
    closure.unread_uncounted = raw.unread_bytes == PT_UNREAD_SOME;
    closure.unread_bytes = closure.unread_uncounted ? 0 : raw.unread_bytes;
    closure.call_number = raw.call_number;
    return closure;
}

/// The body of a record with an endpoint and its TCP facts first, as most have.
template <typename Body, typename Record>
Body socket_body(const Record& record, std::uint64_t ticks_per_second) {
    Body body{};
    body.endpoint = endpoint_of(record.endpoint);
    body.tcp = tcp_of(record.tcp, record.endpoint.state, ticks_per_second);
    return body;
}

ResetReceived body_of(const pt_reset_received& record, std::uint64_t ticks_per_second) {
    auto body = socket_body<ResetReceived>(record, ticks_per_second);
    if (record.packet == PT_PACKET_SEEN) {
        body.packet =
            RstPacket{record.seq, record.ttl, record.handshake_ttl, record.tcp_flags, record.window};
    }
    body.is_subflow = record.subflow != 0;
    return body;
}

ResetSent body_of(const pt_reset_sent& record, std::uint64_t ticks_per_second) {
    auto body = socket_body<ResetSent>(record, ticks_per_second);
    body.active = record.active != 0;
    if (record.reason != PT_REASON_UNKNOWN) body.reason = record.reason;
    body.provoking_flags = record.provoking_flags;
    body.provoking_bytes = record.provoking_bytes;
    if (record.seq_known != 0) body.seq = record.seq;
    body.peer_here = record.peer_here != 0;
    return body;
}

ErrorRaised body_of(const pt_error_raised& record, std::uint64_t ticks_per_second) {
    auto body = socket_body<ErrorRaised>(record, ticks_per_second);
    body.call = call_of(record.call);
    return body;
}

CallFailed body_of(const pt_call_failed& record, std::uint64_t ticks_per_second) {
    auto body = socket_body<CallFailed>(record, ticks_per_second);
    body.call = call_of(record.call);
    body.direction = static_cast<CallDirection>(record.direction);
    body.error = record.error;
    body.no_signal = record.no_signal != 0;
    return body;
}

SigpipeGenerated body_of(const pt_sigpipe_generated& record, std::uint64_t ticks_per_second) {
    auto body = socket_body<SigpipeGenerated>(record, ticks_per_second);
    body.call = call_of(record.call);
    body.disposition = static_cast<Disposition>(record.disposition);
    body.blocked = record.blocked != 0;
    body.result = record.result;
    body.written_bytes = count_of(record.written_bytes);
    if (record.taken != PT_TAKEN_UNKNOWN) body.took_some = record.taken == PT_TAKEN_SOME;
    return body;
}

SigpipeDelivered body_of(const pt_sigpipe_delivered& record, std::uint64_t) {
    return SigpipeDelivered{static_cast<Disposition>(record.disposition), record.kills != 0,
                            count_of(record.written_bytes)};
}

EndpointRemembered body_of(const pt_endpoint_remembered& record, std::uint64_t) {
    const pt_memory& memory = record.memory;
    EndpointRemembered body;
    body.endpoint = endpoint_of(memory.endpoint);
    body.owner = task_of(memory.owner);
    body.opened = Ktime{memory.opened_ns};
    body.fin_received = Ktime{memory.fin_received_ns};
    body.fin_seen = memory.fin_seen != 0;
    body.older_than_trace = memory.older_than_trace != 0;
    body.passive = memory.passive != 0;
    body.closed_from = static_cast<TcpState>(memory.closed_from);
    body.snd_nxt_at_fin = memory.snd_nxt_at_fin;
    body.closure = closure_of(memory.closure);
    return body;
}

StateChanged body_of(const pt_state_changed& record, std::uint64_t ticks_per_second) {
    auto body = socket_body<StateChanged>(record, ticks_per_second);
    body.from = static_cast<TcpState>(record.from_state);
    body.to = static_cast<TcpState>(record.to_state);
    body.closure = closure_of(record.closure);
    return body;
}

EndpointDestroyed body_of(const pt_endpoint_destroyed& record, std::uint64_t ticks_per_second) {
    return socket_body<EndpointDestroyed>(record, ticks_per_second);
}

FailuresCounted body_of(const pt_failures_counted& record, std::uint64_t) {
    static_assert(PT_COUNT_SLOTS == kFailureCountMax);
    FailuresCounted body;
    body.endpoint.id = record.counts.endpoint_id;
    body.endpoint.kind = static_cast<EndpointKind>(record.counts.endpoint_kind);
    body.tgid = record.counts.tgid;
    for (std::size_t i = 0; i < kFailureCountMax; ++i) {
        const pt_failure_count& slot = record.counts.slots[i];
        const bool is_sigpipe = slot.is_sigpipe != 0;
        const std::uint8_t error = is_sigpipe ? 0 : slot.error;
        const bool took_some = is_sigpipe && slot.error == PT_TAKEN_SOME;
        body.counts[i] = FailureCount{slot.tid,   slot.call_number,   error, is_sigpipe, took_some,
                                      slot.count, Ktime{slot.last_ns}};
    }
    return body;
}

OtherEndSeen body_of(const pt_other_end_seen& record, std::uint64_t) {
    OtherEndSeen body;
    body.endpoint = endpoint_of(record.endpoint);
    body.closure = closure_of(record.closure);
    body.last_holder = record.last_holder != 0;
    body.other_end = static_cast<OtherEnd>(record.other_end);
    body.socket_type = static_cast<SocketType>(record.socket_type);
    body.before_trace = record.before_trace != 0;
    body.own = closure_of(record.own);
    return body;
}

UnixName name_of(const char (&bytes)[PT_UNIX_PATH_LEN], std::uint16_t length) {
    UnixName name;
    static_assert(sizeof(bytes) == sizeof(name.bytes));
    name.length = std::min<std::uint16_t>(length, sizeof(bytes));
    std::copy_n(std::begin(bytes), name.length, name.bytes.begin());
    return name;
}

UnixNamed body_of(const pt_unix_named& record, std::uint64_t) {
    return UnixNamed{endpoint_of(record.endpoint), name_of(record.local, record.local_length),
                     name_of(record.remote, record.remote_length), record.is_target != 0};
}

PacketFiltered body_of(const pt_packet_filtered& record, std::uint64_t) {
    return PacketFiltered{endpoint_of(record.endpoint), Ktime{record.last_ns}, record.count};
}

ProcessForked body_of(const pt_process_forked& record, std::uint64_t) {
    return ProcessForked{task_of(record.child)};
}

ProcessExecuted body_of(const pt_process_executed&, std::uint64_t) { return {}; }

ProcessExited body_of(const pt_process_exited& record, std::uint64_t) {
    return ProcessExited{record.exit_code};
}

SamplingChanged body_of(const pt_sampling_changed& record, std::uint64_t) {
    return SamplingChanged{std::min(record.share_millionths, SamplingChanged::kAllMillionths),
                           record.counted_only};
}

/// `kFirstBytes`: what the kind measured in layout 8, the first that recordings hold. Layouts grow at their
/// end, where zero means "not known": of an older recording's record that is what it does not have.
template <typename Record, std::size_t kFirstBytes>
std::variant<Event, DecodeError> decode_as(std::span<const std::byte> bytes, std::uint64_t ticks_per_second) {
    static_assert(kFirstBytes <= sizeof(Record));
    if (bytes.size() < kFirstBytes || bytes.size() > sizeof(Record)) return DecodeError::kWrongSize;
    Record record;
    std::memset(&record, 0, sizeof(record));
    std::memcpy(&record, bytes.data(), bytes.size());
    Event event;
    event.at = Ktime{record.header.ktime_ns};
    event.task = task_of(record.header.task);
    event.is_traced = (record.header.flags & PT_TRACED) != 0;
    event.body = body_of(record, ticks_per_second);
    return event;
}

}  // namespace

std::variant<Event, DecodeError> Decoder::decode(std::span<const std::byte> record) const {
    pt_header header;
    if (record.size() < sizeof(header)) return DecodeError::kTooShort;
    std::memcpy(&header, record.data(), sizeof(header));
    if (header.size != record.size()) return DecodeError::kWrongSize;
    switch (header.kind) {
        case PT_RESET_RECEIVED: return decode_as<pt_reset_received, 256>(record, ticks_per_second_);
        case PT_RESET_SENT: return decode_as<pt_reset_sent, 256>(record, ticks_per_second_);
        case PT_ERROR_RAISED: return decode_as<pt_error_raised, 264>(record, ticks_per_second_);
        case PT_CALL_FAILED: return decode_as<pt_call_failed, 272>(record, ticks_per_second_);
        case PT_SIGPIPE_GENERATED: return decode_as<pt_sigpipe_generated, 280>(record, ticks_per_second_);
        case PT_SIGPIPE_DELIVERED: return decode_as<pt_sigpipe_delivered, 104>(record, ticks_per_second_);
        case PT_ENDPOINT_REMEMBERED: return decode_as<pt_endpoint_remembered, 352>(record, ticks_per_second_);
        case PT_STATE_CHANGED: return decode_as<pt_state_changed, 344>(record, ticks_per_second_);
        case PT_ENDPOINT_DESTROYED: return decode_as<pt_endpoint_destroyed, 240>(record, ticks_per_second_);
        case PT_FAILURES_COUNTED: return decode_as<pt_failures_counted, 248>(record, ticks_per_second_);
        case PT_OTHER_END_SEEN: return decode_as<pt_other_end_seen, 344>(record, ticks_per_second_);
        case PT_PACKET_FILTERED: return decode_as<pt_packet_filtered, 160>(record, ticks_per_second_);
        case PT_UNIX_NAMED: return decode_as<pt_unix_named, 368>(record, ticks_per_second_);
        case PT_PROCESS_FORKED: return decode_as<pt_process_forked, 160>(record, ticks_per_second_);
        case PT_PROCESS_EXECUTED: return decode_as<pt_process_executed, 88>(record, ticks_per_second_);
        case PT_PROCESS_EXITED: return decode_as<pt_process_exited, 96>(record, ticks_per_second_);
        case PT_SAMPLING_CHANGED: return decode_as<pt_sampling_changed, 104>(record, ticks_per_second_);
        default: return DecodeError::kUnknownKind;
    }
}

}  // namespace pipetrace
