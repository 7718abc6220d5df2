// Raw records with a value of its own in each field, and what the decoder must make of them.
#pragma once

#include "decode/decoder.h"
#include "pipetrace_abi.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <span>

namespace pipetrace::testing {

inline constexpr std::uint64_t kTicksPerSecond = 250;

template <typename Record>
Record record_of(std::uint16_t kind) {
    Record record;
    std::memset(&record, 0, sizeof(record));
    record.header.kind = kind;
    record.header.size = sizeof(Record);
    record.header.ktime_ns = 123'456'789;
    return record;
}

template <typename Record>
std::variant<Event, DecodeError> decode(const Record& record) {
    return Decoder(kTicksPerSecond).decode(std::as_bytes(std::span(&record, 1)));
}

/// The body of the type expected, or a failed test and an empty body.
template <typename Body, typename Record>
Body body_of(const Record& record) {
    const auto decoded = decode(record);
    const Event* event = std::get_if<Event>(&decoded);
    const Body* body = event != nullptr ? std::get_if<Body>(&event->body) : nullptr;
    EXPECT_NE(body, nullptr) << "record kind " << record.header.kind;
    return body != nullptr ? *body : Body{};
}

inline pt_task raw_task(std::uint32_t tgid, const char* name) {
    pt_task task;
    std::memset(&task, 0, sizeof(task));
    task.start_boottime_ns = 5000 + tgid;
    task.cgroup_id = 61;
    task.tgid = tgid;
    task.tid = tgid + 1;
    task.parent_tgid = 7;
    task.uid = 1000;
    task.namespace_tgid = 12;
    std::memcpy(task.process_comm, name, std::strlen(name));
    std::memcpy(task.thread_comm, "thread-0123456789", PT_COMM_LEN);
    return task;
}

inline void expect_task(const Task& task, std::uint32_t tgid, const char* name) {
    EXPECT_EQ(task.process.tgid, tgid);
    EXPECT_EQ(task.process.start_boottime_ns, 5000U + tgid);
    EXPECT_EQ(task.cgroup_id, 61U);
    EXPECT_EQ(task.tid, tgid + 1);
    EXPECT_EQ(task.parent_tgid, 7U);
    EXPECT_EQ(task.uid, 1000U);
    EXPECT_EQ(task.namespace_tgid, 12U);
    EXPECT_EQ(task.process_comm.view(), name);
    EXPECT_EQ(task.thread_comm.view(), "thread-012345678") << "16 bytes need no terminator";
}

inline pt_endpoint raw_endpoint(std::uint8_t state) {
    pt_endpoint endpoint;
    std::memset(&endpoint, 0, sizeof(endpoint));
    endpoint.id = 0x1122334455667788;
    endpoint.netns = 4026531840;
    endpoint.local_port = 50870;
    endpoint.remote_port = 2222;
    for (std::uint8_t i = 0; i < 16; ++i) {
        endpoint.local[i] = i;
        endpoint.remote[i] = static_cast<std::uint8_t>(100 + i);
    }
    endpoint.kind = PT_KIND_TCP;
    endpoint.state = state;
    return endpoint;
}

inline void expect_endpoint(const Endpoint& endpoint, TcpState state) {
    EXPECT_EQ(endpoint.kind, EndpointKind::kTcp);
    EXPECT_EQ(endpoint.id, 0x1122334455667788U);
    EXPECT_EQ(endpoint.netns, 4026531840U);
    EXPECT_EQ(endpoint.state, state);
    EXPECT_EQ(endpoint.local.port, 50870);
    EXPECT_EQ(endpoint.remote.port, 2222);
    EXPECT_EQ(endpoint.local.ip[15], 15);
    EXPECT_EQ(endpoint.remote.ip[0], 100);
    EXPECT_TRUE(endpoint.known());
}

/// In CLOSE_WAIT: 10 bytes sent and 3 again, 5 of them unacknowledged; 7 and a FIN received, 2 read.
inline pt_tcp raw_tcp() {
    pt_tcp tcp;
    std::memset(&tcp, 0, sizeof(tcp));
    tcp.bytes_sent = 13;
    tcp.bytes_retrans = 3;
    tcp.bytes_received = 8;
    tcp.last_sent_ago_ticks = 1;
    tcp.last_received_ago_ticks = 250;
    tcp.unacked_sent_ns = 999;
    tcp.snd_nxt = 1010;
    tcp.snd_una = 1005;
    tcp.rcv_nxt = 508;
    tcp.copied_seq = 502;
    tcp.srtt_us = 800;
    tcp.retransmits = 2;
    tcp.user_timeout_ms = 30'000;
    tcp.error = 32;
    tcp.soft_error = 113;
    tcp.shutdown = 1;
    tcp.fin_received = 1;
    return tcp;
}

inline void expect_tcp(const TcpFacts& tcp) {
    EXPECT_EQ(tcp.bytes_sent, 10U) << "retransmitted bytes are not counted twice";
    EXPECT_EQ(tcp.bytes_acked, 5U);
    EXPECT_EQ(tcp.bytes_received, 7U) << "the FIN is no byte";
    EXPECT_EQ(tcp.unread_bytes, 5U);
    EXPECT_EQ(tcp.snd_nxt, 1010U);
    EXPECT_EQ(tcp.rcv_nxt, 508U);
    EXPECT_EQ(tcp.rtt_us, 100U) << "the kernel keeps it times 8";
    EXPECT_EQ(tcp.retransmits, 2U);
    EXPECT_EQ(tcp.user_timeout_ms, 30'000U);
    EXPECT_EQ(tcp.last_sent_ago_us, 4000U) << "one tick at 250 Hz";
    EXPECT_EQ(tcp.last_received_ago_us, 1'000'000U);
    EXPECT_EQ(tcp.unacked_sent_ns, 999U);
    EXPECT_EQ(tcp.error, 32);
    EXPECT_EQ(tcp.soft_error, 113);
    EXPECT_EQ(tcp.shutdown, 1);
}

inline pt_call raw_call() {
    pt_call call;
    std::memset(&call, 0, sizeof(call));
    call.bytes = 4096;
    call.fd = 9;
    call.msg_flags = 0x4000;
    call.number = 44;
    return call;
}

inline void expect_call(const CallSite& call) {
    EXPECT_EQ(call.number, 44);
    EXPECT_EQ(call.fd, 9);
    EXPECT_EQ(call.bytes, 4096);
    EXPECT_EQ(call.flags, 0x4000U);
}

inline pt_closure raw_closure() {
    pt_closure closure;
    std::memset(&closure, 0, sizeof(closure));
    closure.at_ns = 77;
    closure.by = raw_task(4240, "server");
    closure.unread_bytes = 2000;
    closure.call_number = 3;
    closure.from_state = 1;
    closure.to_state = 7;
    closure.shutdown = 3;
    closure.path = PT_PATH_LINGER_ZERO;
    closure.oom = 1;
    closure.exit_status = 141;
    closure.exiting = 1;
    closure.signal = 9;
    return closure;
}

inline void expect_closure(const Closure& closure) {
    EXPECT_EQ(closure.at.ns, 77U);
    expect_task(closure.by, 4240, "server");
    EXPECT_EQ(closure.unread_bytes, 2000U);
    EXPECT_EQ(closure.call_number, 3);
    EXPECT_EQ(closure.from, TcpState::kEstablished);
    EXPECT_EQ(closure.to, TcpState::kClose);
    EXPECT_EQ(closure.shutdown, 3);
    EXPECT_EQ(closure.path, ClosePath::kLingerZero);
    EXPECT_TRUE(closure.oom);
    EXPECT_EQ(closure.exit_status, 141);
    EXPECT_TRUE(closure.exiting);
    EXPECT_EQ(closure.signal, 9);
}

template <typename Record>
Record socket_record(std::uint16_t kind) {
    Record record = record_of<Record>(kind);
    record.endpoint = raw_endpoint(8);
    record.tcp = raw_tcp();
    return record;
}

template <typename Body>
void expect_socket(const Body& body) {
    expect_endpoint(body.endpoint, TcpState::kCloseWait);
    expect_tcp(body.tcp);
}

}  // namespace pipetrace::testing
