#include "storm_records.h"

#include "pipetrace_abi.h"

#include <cstring>

namespace pipetrace::testing {
namespace {

constexpr std::uint32_t kTgid = 4'000'001;  // above what a kernel gives out: /proc has nothing of it
constexpr std::uint8_t kEstablished = 1;
constexpr std::uint8_t kClose = 7;
constexpr std::uint16_t kCloseCall = 3;
constexpr std::uint16_t kSendtoCall = 44;
constexpr std::uint16_t kRecvfromCall = 45;
constexpr std::uint32_t kNoSignal = 0x4000;
constexpr std::uint16_t kReasonTcpState = 14;
constexpr std::int32_t kBrokenPipe = 32;
constexpr std::int32_t kConnectionReset = 104;

/// One connection's two ends: ours, which fails, and its peer's, which is aborted.
struct Ends {
    std::uint64_t own_id;
    std::uint16_t own_port;
    std::uint16_t peer_port;
    Ktime begin;

    std::uint64_t after_ns(std::uint64_t ns) const { return begin.ns + ns; }
};

pt_task task() {
    pt_task task;
    std::memset(&task, 0, sizeof(task));
    task.start_boottime_ns = 5'000'000;
    task.cgroup_id = 1;
    task.tgid = task.namespace_tgid = kTgid;
    task.tid = kTgid + 2;
    task.parent_tgid = 1;
    std::memcpy(task.process_comm, "load", 5);
    std::memcpy(task.thread_comm, "load", 5);
    return task;
}

pt_endpoint endpoint(const Ends& ends, bool is_peer, std::uint8_t state) {
    static constexpr std::uint8_t kLoopback[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1};
    pt_endpoint endpoint;
    std::memset(&endpoint, 0, sizeof(endpoint));
    endpoint.id = ends.own_id + (is_peer ? 1 : 0);
    endpoint.netns = 4026531833;
    endpoint.local_port = is_peer ? ends.peer_port : ends.own_port;
    endpoint.remote_port = is_peer ? ends.own_port : ends.peer_port;
    std::memcpy(endpoint.local, kLoopback, sizeof(kLoopback));
    std::memcpy(endpoint.remote, kLoopback, sizeof(kLoopback));
    endpoint.kind = PT_KIND_TCP;
    endpoint.state = state;
    return endpoint;
}

pt_tcp tcp(const Ends& ends, bool is_peer, std::int32_t error, std::uint8_t shutdown) {
    pt_tcp tcp;
    std::memset(&tcp, 0, sizeof(tcp));
    const auto own = static_cast<std::uint32_t>(ends.own_id * 1009);
    const auto peer = static_cast<std::uint32_t>(ends.own_id * 2003);
    tcp.snd_nxt = tcp.snd_una = is_peer ? peer : own;
    tcp.rcv_nxt = tcp.copied_seq = is_peer ? own : peer;
    tcp.srtt_us = 216;
    tcp.error = error;
    tcp.shutdown = shutdown;
    return tcp;
}

pt_call call(std::int64_t bytes, std::int32_t fd, std::uint16_t number) {
    pt_call call;
    std::memset(&call, 0, sizeof(call));
    call.bytes = bytes;
    call.fd = fd;
    call.number = number;
    return call;
}

template <typename Record>
Record record(const Ends& ends, std::uint16_t kind, std::uint64_t after_ns, bool in_task) {
    Record record;
    std::memset(&record, 0, sizeof(record));
    record.header.kind = kind;
    record.header.size = sizeof(record);
    record.header.ktime_ns = ends.after_ns(after_ns);
    if (in_task) record.header.task = task();
    return record;
}

pt_reset_received reset_received(const Ends& ends) {
    auto made = record<pt_reset_received>(ends, PT_RESET_RECEIVED, 40'000, false);
    made.endpoint = endpoint(ends, false, kEstablished);
    made.tcp = tcp(ends, false, 0, 0);
    return made;
}

pt_endpoint_remembered own_remembered(const Ends& ends) {
    auto made = record<pt_endpoint_remembered>(ends, PT_ENDPOINT_REMEMBERED, 41'000, false);
    made.memory.endpoint = endpoint(ends, false, kEstablished);
    made.memory.owner = task();
    made.memory.opened_ns = ends.after_ns(0);
    made.memory.reported = 1;
    return made;
}

pt_endpoint_remembered peer_remembered(const Ends& ends) {
    auto made = record<pt_endpoint_remembered>(ends, PT_ENDPOINT_REMEMBERED, 41'500, false);
    pt_memory& memory = made.memory;
    memory.endpoint = endpoint(ends, true, kClose);
    memory.opened_ns = ends.after_ns(20'000);
    memory.passive = 1;
    memory.reported = 1;
    memory.held_at_close = 1;
    memory.closed_from = kEstablished;
    memory.closure.at_ns = ends.after_ns(30'000);
    memory.closure.by = task();
    memory.closure.call_number = kCloseCall;
    memory.closure.from_state = kEstablished;
    memory.closure.to_state = kClose;
    memory.closure.shutdown = 3;
    memory.closure.path = PT_PATH_LINGER_ZERO;
    return made;
}

pt_error_raised error_raised(const Ends& ends) {
    auto made = record<pt_error_raised>(ends, PT_ERROR_RAISED, 43'000, false);
    made.endpoint = endpoint(ends, false, kClose);
    made.tcp = tcp(ends, false, kConnectionReset, 3);
    made.call = call(0, -1, PT_NO_CALL);
    return made;
}

pt_reset_sent reset_sent(const Ends& ends) {
    auto made = record<pt_reset_sent>(ends, PT_RESET_SENT, 45'000, true);
    made.endpoint = endpoint(ends, true, kClose);
    made.tcp = tcp(ends, true, 0, 3);
    made.reason = kReasonTcpState;
    made.active = 1;
    made.peer_here = 1;
    return made;
}

pt_endpoint_destroyed destroyed(const Ends& ends, bool is_peer, std::uint64_t after_ns) {
    auto made = record<pt_endpoint_destroyed>(ends, PT_ENDPOINT_DESTROYED, after_ns, true);
    made.endpoint = endpoint(ends, is_peer, kClose);
    if (is_peer) made.endpoint.remote_port = 0;  // as tcp_disconnect() leaves it
    made.tcp = tcp(ends, is_peer, is_peer ? kConnectionReset : 0, is_peer ? 0 : 3);
    return made;
}

pt_call_failed receive_failed(const Ends& ends) {
    auto made = record<pt_call_failed>(ends, PT_CALL_FAILED, 57'000, true);
    made.endpoint = endpoint(ends, false, kClose);
    made.tcp = tcp(ends, false, 0, 3);
    made.call = call(1, 4, kRecvfromCall);
    made.error = kConnectionReset;
    made.direction = PT_RECEIVE;
    return made;
}

pt_call_failed send_failed(const Ends& ends) {
    auto made = record<pt_call_failed>(ends, PT_CALL_FAILED, 62'000, true);
    made.endpoint = endpoint(ends, false, kClose);
    made.tcp = tcp(ends, false, 0, 3);
    made.call = call(1, 4, kSendtoCall);
    made.call.msg_flags = kNoSignal;
    made.error = kBrokenPipe;
    made.direction = PT_SEND;
    made.no_signal = 1;
    return made;
}

}  // namespace

void StormRecords::add_incident(Ktime begin) {
    constexpr std::uint16_t kFirstPort = 32768;
    constexpr std::uint64_t kPorts = 28000;
    const Ends ends{2 * ++incidents_, static_cast<std::uint16_t>(kFirstPort + incidents_ % kPorts), 20000,
                    begin};
    add(reset_received(ends));
    add(own_remembered(ends));
    add(peer_remembered(ends));
    add(error_raised(ends));
    add(reset_sent(ends));
    add(destroyed(ends, true, 51'000));
    add(receive_failed(ends));
    add(send_failed(ends));
    add(destroyed(ends, false, 66'000));
}

void StormRecords::clear() {
    bytes_.clear();
    sizes_.clear();
}

template <typename Record>
void StormRecords::add(const Record& record) {
    const auto bytes = std::as_bytes(std::span(&record, 1));
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    sizes_.push_back(bytes.size());
}

}  // namespace pipetrace::testing
