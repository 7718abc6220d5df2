#include "decode/decoder.h"
#include "decode/sampling_record.h"

#include "record_samples.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

namespace pipetrace {
namespace {

using namespace testing;

TEST(Decoder, ReadsTheHeader) {
    auto record = record_of<pt_process_executed>(PT_PROCESS_EXECUTED);
    record.header.flags = PT_TRACED;
    record.header.task = raw_task(4242, "client");
    auto decoded = decode(record);
    ASSERT_TRUE(std::holds_alternative<Event>(decoded));
    const Event& event = std::get<Event>(decoded);
    EXPECT_EQ(event.at.ns, 123'456'789U);
    EXPECT_TRUE(event.is_traced);
    expect_task(event.task, 4242, "client");
    EXPECT_TRUE(std::holds_alternative<ProcessExecuted>(event.body));
    record.header.flags = 0;
    record.header.task = {};
    decoded = decode(record);
    EXPECT_FALSE(std::get<Event>(decoded).is_traced);
    EXPECT_FALSE(std::get<Event>(decoded).task.known()) << "softirq works for nobody";
}

TEST(Decoder, ReadsAResetReceived) {
    auto record = socket_record<pt_reset_received>(PT_RESET_RECEIVED);
    record.seq = 0xfffffff0;
    record.ttl = 64;
    record.handshake_ttl = 63;
    record.tcp_flags = 0x14;
    EXPECT_FALSE(body_of<ResetReceived>(record).packet) << "no hook saw its packet";
    EXPECT_FALSE(body_of<ResetReceived>(record).is_subflow);
    record.subflow = 1;
    EXPECT_TRUE(body_of<ResetReceived>(record).is_subflow);
    record.packet = PT_PACKET_SEEN;
    const auto body = body_of<ResetReceived>(record);
    expect_socket(body);
    ASSERT_TRUE(body.packet);
    EXPECT_EQ(body.packet->seq, 0xfffffff0U);
    EXPECT_EQ(body.packet->ttl, 64);
    EXPECT_EQ(body.packet->handshake_ttl, 63);
    EXPECT_EQ(body.packet->flags, 0x14);
}

TEST(Decoder, ReadsAResetSent) {
    auto record = socket_record<pt_reset_sent>(PT_RESET_SENT);
    record.reason = 11;
    record.active = 1;
    record.provoking_flags = 0x18;
    record.provoking_bytes = 1448;
    record.peer_here = 1;
    const auto body = body_of<ResetSent>(record);
    expect_socket(body);
    EXPECT_EQ(body.reason, 11);
    EXPECT_TRUE(body.active);
    EXPECT_EQ(body.provoking_flags, 0x18);
    EXPECT_EQ(body.provoking_bytes, 1448);
    EXPECT_TRUE(body.peer_here);
    record.seq = 0xfffffff0U;
    EXPECT_FALSE(body_of<ResetSent>(record).seq);
    record.seq_known = 1;
    EXPECT_EQ(body_of<ResetSent>(record).seq, 0xfffffff0U);
    record.seq = 0;
    EXPECT_EQ(body_of<ResetSent>(record).seq, 0U) << "0 is a number of its own";
    record.reason = PT_REASON_UNKNOWN;
    EXPECT_FALSE(body_of<ResetSent>(record).reason) << "not known is not 'not specified'";
    record.reason = 0;
    EXPECT_EQ(body_of<ResetSent>(record).reason, 0);
}

TEST(Decoder, ReadsErrorsAndFailedCalls) {
    auto raised = socket_record<pt_error_raised>(PT_ERROR_RAISED);
    raised.call = raw_call();
    const auto error = body_of<ErrorRaised>(raised);
    expect_socket(error);
    expect_call(error.call);

    auto failed = socket_record<pt_call_failed>(PT_CALL_FAILED);
    failed.call = raw_call();
    failed.error = 104;
    failed.direction = PT_RECEIVE;
    failed.no_signal = 1;
    const auto call = body_of<CallFailed>(failed);
    expect_socket(call);
    expect_call(call.call);
    EXPECT_EQ(call.error, 104);
    EXPECT_EQ(call.direction, CallDirection::kReceive);
    EXPECT_TRUE(call.no_signal);
}

TEST(Decoder, ReadsSigpipes) {
    auto generated = socket_record<pt_sigpipe_generated>(PT_SIGPIPE_GENERATED);
    generated.call = raw_call();
    generated.written_bytes = 5555;
    generated.disposition = PT_HANDLER;
    generated.blocked = 1;
    generated.result = 2;
    const auto raised = body_of<SigpipeGenerated>(generated);
    expect_socket(raised);
    expect_call(raised.call);
    EXPECT_EQ(raised.written_bytes, 5555U);
    EXPECT_EQ(raised.disposition, Disposition::kHandler);
    EXPECT_TRUE(raised.blocked);
    EXPECT_EQ(raised.result, 2);
    EXPECT_FALSE(raised.took_some);
    generated.taken = PT_TAKEN_NONE;
    EXPECT_EQ(body_of<SigpipeGenerated>(generated).took_some, false);
    generated.taken = PT_TAKEN_SOME;
    EXPECT_EQ(body_of<SigpipeGenerated>(generated).took_some, true);
    generated.written_bytes = PT_NO_COUNT;
    EXPECT_FALSE(body_of<SigpipeGenerated>(generated).written_bytes);

    auto delivered = record_of<pt_sigpipe_delivered>(PT_SIGPIPE_DELIVERED);
    delivered.written_bytes = 0;
    delivered.disposition = PT_IGNORE;
    delivered.kills = 1;
    const auto met = body_of<SigpipeDelivered>(delivered);
    EXPECT_EQ(met.written_bytes, 0U);
    EXPECT_EQ(met.disposition, Disposition::kIgnore);
    EXPECT_TRUE(met.kills);
    delivered.written_bytes = PT_NO_COUNT;
    EXPECT_FALSE(body_of<SigpipeDelivered>(delivered).written_bytes);
}

TEST(Decoder, ReadsWhatIsRemembered) {
    auto record = record_of<pt_endpoint_remembered>(PT_ENDPOINT_REMEMBERED);
    record.memory.endpoint = raw_endpoint(9);
    record.memory.owner = raw_task(4242, "client");
    record.memory.opened_ns = 11;
    record.memory.fin_received_ns = 22;
    record.memory.snd_nxt_at_fin = 1005;
    record.memory.fin_seen = 1;
    record.memory.passive = 1;
    record.memory.closure = raw_closure();
    auto body = body_of<EndpointRemembered>(record);
    expect_endpoint(body.endpoint, TcpState::kLastAck);
    expect_task(body.owner, 4242, "client");
    EXPECT_EQ(body.opened.ns, 11U);
    EXPECT_EQ(body.fin_received.ns, 22U);
    EXPECT_EQ(body.snd_nxt_at_fin, 1005U);
    EXPECT_TRUE(body.fin_seen);
    EXPECT_FALSE(body.older_than_trace);
    EXPECT_TRUE(body.passive);
    expect_closure(body.closure);
    record.memory.older_than_trace = 1;
    record.memory.passive = record.memory.fin_seen = 0;
    body = body_of<EndpointRemembered>(record);
    EXPECT_TRUE(body.older_than_trace);
    EXPECT_FALSE(body.passive);
    EXPECT_FALSE(body.fin_seen);
}

TEST(Decoder, ReadsChangesAndEnds) {
    auto changed = socket_record<pt_state_changed>(PT_STATE_CHANGED);
    changed.closure = raw_closure();
    changed.from_state = 8;
    changed.to_state = 9;
    const auto change = body_of<StateChanged>(changed);
    expect_socket(change);
    expect_closure(change.closure);
    EXPECT_EQ(change.from, TcpState::kCloseWait);
    EXPECT_EQ(change.to, TcpState::kLastAck);

    expect_socket(body_of<EndpointDestroyed>(
        socket_record<pt_endpoint_destroyed>(PT_ENDPOINT_DESTROYED)));

    auto exited = record_of<pt_process_exited>(PT_PROCESS_EXITED);
    exited.exit_code = 13;
    EXPECT_EQ(body_of<ProcessExited>(exited).exit_code, 13);

    auto forked = record_of<pt_process_forked>(PT_PROCESS_FORKED);
    forked.child = raw_task(4300, "worker");
    expect_task(body_of<ProcessForked>(forked).child, 4300, "worker");
}

TEST(Decoder, ReadsCounts) {
    auto record = record_of<pt_failures_counted>(PT_FAILURES_COUNTED);
    record.counts.endpoint_id = 55;
    record.counts.endpoint_kind = PT_KIND_PIPE;
    record.counts.tgid = 4242;
    for (std::uint32_t i = 0; i < PT_COUNT_SLOTS; ++i) {
        record.counts.slots[i] = pt_failure_count{1000ULL + i, 2000ULL + i, 3000 + i,
                                                  static_cast<__u16>(40 + i), static_cast<__u8>(i),
                                                  static_cast<__u8>(i % 2)};
    }
    const auto body = body_of<FailuresCounted>(record);
    EXPECT_EQ(body.endpoint.id, 55U);
    EXPECT_EQ(body.endpoint.kind, EndpointKind::kPipe);
    EXPECT_EQ(body.tgid, 4242U);
    for (std::uint32_t i = 0; i < PT_COUNT_SLOTS; ++i) {
        EXPECT_EQ(body.counts.at(i).count, 1000U + i);
        EXPECT_EQ(body.counts.at(i).last.ns, 2000U + i);
        EXPECT_EQ(body.counts.at(i).tid, 3000U + i);
        EXPECT_EQ(body.counts.at(i).call_number, 40U + i);
        EXPECT_EQ(body.counts.at(i).is_sigpipe, i % 2 == 1);
        EXPECT_EQ(body.counts.at(i).error, i % 2 == 1 ? 0U : i);
        EXPECT_FALSE(body.counts.at(i).took_some) << "PT_TAKEN_SOME is an errno here";
    }
    record.counts.slots[1].error = PT_TAKEN_SOME;
    EXPECT_TRUE(body_of<FailuresCounted>(record).counts.at(1).took_some);
}

TEST(Decoder, ReadsAPipesReader) {
    auto record = record_of<pt_other_end_seen>(PT_OTHER_END_SEEN);
    record.endpoint.kind = PT_KIND_PIPE;
    record.endpoint.id = 77001;
    record.closure = raw_closure();
    record.last_holder = 1;
    const auto body = body_of<OtherEndSeen>(record);
    EXPECT_EQ(body.endpoint.kind, EndpointKind::kPipe);
    EXPECT_EQ(body.endpoint.id, 77001U);
    expect_closure(body.closure);
    EXPECT_TRUE(body.last_holder);
}

TEST(Decoder, ReadsAUnixSocketsOtherEnd) {
    auto record = record_of<pt_other_end_seen>(PT_OTHER_END_SEEN);
    record.endpoint.kind = PT_KIND_UNIX;
    record.endpoint.id = PT_FILE_ID(PT_KIND_UNIX, 55001);
    record.closure = raw_closure();
    record.closure.unread_bytes = PT_UNREAD_SOME;
    record.own = raw_closure();
    record.other_end = PT_END_GONE;
    record.socket_type = 5;
    record.before_trace = 1;
    const auto body = body_of<OtherEndSeen>(record);
    EXPECT_EQ(body.endpoint.inode(), 55001U);
    EXPECT_TRUE(body.closure.unread_uncounted);
    EXPECT_EQ(body.closure.unread_bytes, 0U);
    expect_closure(body.own);
    EXPECT_FALSE(body.own.unread_uncounted);
    EXPECT_EQ(body.other_end, OtherEnd::kGone);
    EXPECT_EQ(body.socket_type, SocketType::kSeqpacket);
    EXPECT_TRUE(body.before_trace);
    EXPECT_FALSE(body.last_holder);
}

/// The kind keeps a pipe's or a unix socket's inode apart from a socket's cookie.
TEST(Decoder, IdsOfDifferentKindsDiffer) {
    EXPECT_NE(PT_FILE_ID(PT_KIND_UNIX, 7), PT_FILE_ID(PT_KIND_PIPE, 7));
    EXPECT_NE(PT_FILE_ID(PT_KIND_PIPE, 7), 7U);
    EXPECT_EQ(PT_FILE_ID(PT_KIND_UNIX, 0xffffffff) & PT_FILE_ID_INODE, 0xffffffffU);
}

TEST(Decoder, ReadsAUnixSocketsNames) {
    auto record = record_of<pt_unix_named>(PT_UNIX_NAMED);
    record.endpoint.kind = PT_KIND_UNIX;
    record.endpoint.id = PT_FILE_ID(PT_KIND_UNIX, 55001);
    std::memcpy(record.local, "\0a\0b", 4);
    record.local_length = 4;
    std::memcpy(record.remote, "/run/x\0left over", 17);
    record.remote_length = 17;
    record.is_target = 1;
    const auto body = body_of<UnixNamed>(record);
    EXPECT_EQ(body.local.text(), std::string("@a\0b", 4));
    EXPECT_EQ(body.remote.text(), "/run/x");
    EXPECT_TRUE(body.is_target);
    record.local_length = 0;
    record.remote_length = 0xffff;  // more than there is room for
    const auto damaged = body_of<UnixNamed>(record);
    EXPECT_FALSE(damaged.local.known());
    EXPECT_EQ(damaged.local.text(), "");
    EXPECT_EQ(damaged.remote.length, PT_UNIX_PATH_LEN);
}

TEST(Decoder, ReadsWhatAFilterDropped) {
    auto record = record_of<pt_packet_filtered>(PT_PACKET_FILTERED);
    record.endpoint.kind = PT_KIND_TCP;
    record.endpoint.id = 77002;
    record.last_ns = 123'456;
    record.count = 3;
    const auto body = body_of<PacketFiltered>(record);
    EXPECT_EQ(body.endpoint.id, 77002U);
    EXPECT_EQ(body.last.ns, 123'456U);
    EXPECT_EQ(body.count, 3U);
}

TEST(Decoder, ReadsTheSamplingThatWasStated) {
    const SamplingChanged stated{125'000, 98'765'432'109};
    const std::vector<std::byte> bytes = sampling_record(stated, Ktime{77});
    const auto decoded = Decoder(250).decode(bytes);
    ASSERT_TRUE(std::holds_alternative<Event>(decoded));
    EXPECT_EQ(std::get<Event>(decoded).at, Ktime{77});
    EXPECT_EQ(std::get<SamplingChanged>(std::get<Event>(decoded).body), stated);
    const auto damaged = Decoder(250).decode(sampling_record({UINT32_MAX, 0}, Ktime{1}));
    EXPECT_EQ(std::get<SamplingChanged>(std::get<Event>(damaged).body).share_millionths, 1'000'000U);
}

TEST(Decoder, OwnFinInFlightIsNoByte) {
    auto record = socket_record<pt_endpoint_destroyed>(PT_ENDPOINT_DESTROYED);
    record.endpoint.state = 4;  // FIN_WAIT1: of the 5 in flight one is the FIN
    EXPECT_EQ(body_of<EndpointDestroyed>(record).tcp.bytes_acked, 6U);
}

TEST(Decoder, SequenceNumbersWrap) {
    auto record = socket_record<pt_endpoint_destroyed>(PT_ENDPOINT_DESTROYED);
    record.tcp.snd_una = 0xfffffffe;
    record.tcp.snd_nxt = 3;
    record.tcp.copied_seq = 0xffffffff;
    record.tcp.rcv_nxt = 4;
    const TcpFacts tcp = body_of<EndpointDestroyed>(record).tcp;
    EXPECT_EQ(tcp.bytes_acked, 5U);
    EXPECT_EQ(tcp.unread_bytes, 4U);
}

TEST(Decoder, AgesThatAreNotKnownStayUnknown) {
    auto record = socket_record<pt_endpoint_destroyed>(PT_ENDPOINT_DESTROYED);
    record.tcp.last_sent_ago_ticks = PT_NO_AGE;
    const TcpFacts tcp = body_of<EndpointDestroyed>(record).tcp;
    EXPECT_FALSE(tcp.last_sent_ago_us);
    EXPECT_TRUE(tcp.last_received_ago_us);
}

/// A v4-mapped AF_INET6 socket and an AF_INET one are recorded alike, so that they mirror.
TEST(Decoder, MappedAddressesMirrorV4Ones) {
    auto own = socket_record<pt_endpoint_destroyed>(PT_ENDPOINT_DESTROYED);
    const std::array<std::uint8_t, 16> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1};
    std::copy(mapped.begin(), mapped.end(), own.endpoint.local);
    std::copy(mapped.begin(), mapped.end(), own.endpoint.remote);
    auto peer = own;
    std::swap(peer.endpoint.local_port, peer.endpoint.remote_port);
    EXPECT_TRUE(mirrors(body_of<EndpointDestroyed>(own).endpoint, body_of<EndpointDestroyed>(peer).endpoint));
    EXPECT_FALSE(mirrors(body_of<EndpointDestroyed>(own).endpoint, body_of<EndpointDestroyed>(own).endpoint));
}

}  // namespace
}  // namespace pipetrace
