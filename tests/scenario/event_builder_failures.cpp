// The part of a story in which it goes wrong: resets, and what the program meets.
#include "event_builder.h"

#include <cerrno>

namespace pipetrace::testing {
namespace {

constexpr std::uint8_t kAck = 0x10;

}  // namespace

Story& Story::peer_aborts(int reason, std::uint32_t unread, ClosePath path, std::uint8_t signal) {
    return peer_throws_away(unread, path, signal).abort_recorded(reason, unread);
}

Story& Story::peer_throws_away(std::uint32_t unread, ClosePath path, std::uint8_t signal) {
    const bool by_close = path == ClosePath::kClose || path == ClosePath::kLingerZero;
    Closure closure = closure_by(server_, now_, by_close ? kCloseCall : kNoCall, by_close ? 3 : 0);
    closure.unread_bytes = unread;
    closure.path = path;
    closure.exiting = signal != 0;
    closure.signal = signal;
    give_up(peer_, TcpState::kClose, closure);
    return *this;
}

Story& Story::abort_recorded(int reason, std::uint32_t unread) {
    ResetSent sent;
    sent.endpoint = peer_.endpoint;
    sent.tcp.unread_bytes = unread;
    sent.active = true;
    if (hooks_.reasons_seen) sent.reason = reason;
    return emit(sent, server_.task());
}

Story& Story::peer_socket_error_report(int error) {
    ErrorRaised raised;
    raised.endpoint = peer_.endpoint;
    raised.tcp.error = error;
    emit(raised, server_.task());
    report_end(peer_);
    report_end(own_);
    return *this;
}

Story& Story::peer_kernel_answers(int reason) {
    ResetSent sent;
    sent.endpoint = peer_.endpoint;
    sent.endpoint.id = 0;
    sent.endpoint.state = reason == kResetTimeWait ? TcpState::kTimeWait : TcpState::kUnknown;
    if (hooks_.reasons_seen) sent.reason = reason;
    sent.provoking_flags = reason == kResetNoSocket ? 0x02 : 0x18;
    return emit(sent);
}

Story& Story::reset_received(std::uint8_t flags) {
    return reset_received(RstPacket{own_.tcp.rcv_nxt, 64, 64, flags, 0});
}

Story& Story::reset_received(const RstPacket& packet) {
    const TcpState state = own_.endpoint.state;
    ResetReceived reset;
    reset.endpoint = own_.endpoint;
    reset.tcp = facts_of(own_);
    if (hooks_.packets_seen) reset.packet = packet;
    emit(reset);
    report();
    const int error = state == TcpState::kSynSent     ? ECONNREFUSED
                      : state == TcpState::kCloseWait ? EPIPE
                                                      : ECONNRESET;
    own_.tcp.shutdown = 3;
    return ends_with_pending(error);
}

Story& Story::peer_closes_above_tcp(std::uint8_t signal) {
    Closure closure = closure_by(server_, now_, signal != 0 ? kNoCall : kCloseCall, 3);
    closure.from = TcpState::kEstablished;
    closure.to = TcpState::kFinWait1;
    closure.exiting = signal != 0;
    closure.signal = signal;
    peer_.memory.closure = closure;
    return wait_us(1);
}

Story& Story::peer_kernel_gives_up() {
    ResetSent sent;
    sent.endpoint = peer_.endpoint;
    sent.active = true;
    if (hooks_.reasons_seen) sent.reason = kResetAbortOnClose;
    return emit(sent);
}

Story& Story::subflow_reset() {
    ResetReceived reset;
    reset.is_subflow = true;
    reset.endpoint = own_.endpoint;
    reset.tcp = facts_of(own_);
    if (hooks_.packets_seen) reset.packet = RstPacket{own_.tcp.rcv_nxt, 64, 64, 0x14, 0};
    emit(reset);
    report();
    enter(own_, TcpState::kClose);
    return *this;
}

Story& Story::error_handed_on(int error) {
    own_.tcp.shutdown = 3;
    return ends_with_pending(error);
}

Story& Story::filter_drops(std::uint64_t count) {
    filtered_ = PacketFiltered{own_.endpoint, now_, count};
    if (own_.reported) report();
    return wait_us(20);
}

Story& Story::rst_answers_late_data(std::uint8_t flags) {
    ResetSent sent;
    sent.endpoint = own_.endpoint;
    sent.endpoint.id = 0;
    sent.endpoint.state = TcpState::kUnknown;
    if (hooks_.reasons_seen) sent.reason = kResetNoSocket;
    sent.provoking_flags = flags;
    return emit(sent);
}

Story& Story::own_aborts(int reason, std::uint32_t unread, ClosePath path, std::uint8_t signal) {
    const bool by_close = path == ClosePath::kClose || path == ClosePath::kLingerZero;
    Closure closure = closure_by(owner_, now_, by_close ? kCloseCall : kNoCall, by_close ? 3 : 0);
    closure.unread_bytes = own_.tcp.unread_bytes = unread;
    closure.path = path;
    closure.exiting = signal != 0;
    closure.signal = signal;
    own_.memory.closed_from = own_.endpoint.state;
    give_up(own_, TcpState::kClose, closure);
    own_kernel_sends_rst(reason, owner_);
    return remember_own();
}

Story& Story::own_kernel_answers(int reason, std::uint16_t bytes, std::uint8_t flags) {
    ResetSent sent;
    sent.endpoint = own_.endpoint;
    sent.provoking_flags = flags;
    sent.provoking_bytes = bytes;
    sent.seq = (flags & kAck) != 0 ? kOwnResetSeq : 0;
    if (reason == kResetAbortOnData) {
        own_.memory.closed_from = own_.endpoint.state;
        sent.endpoint.state = TcpState::kClose;
    } else {
        sent.endpoint.id = 0;
        sent.endpoint.state = reason == kResetTimeWait ? TcpState::kTimeWait : TcpState::kUnknown;
    }
    if (hooks_.reasons_seen) sent.reason = reason;
    emit(sent);
    return remember_own();
}

Story& Story::answers_again(std::uint16_t bytes) {
    own_.reported = true;
    return own_kernel_answers(kResetNoSocket, bytes);
}

/// Kept back where the peer is on this host: its failure would report both.
Story& Story::remember_own() {
    if (!peer_on_host_) report_end(own_);
    return *this;
}

Story& Story::own_kernel_sends_rst(int reason, Person by) {
    ResetSent sent;
    sent.endpoint = own_.endpoint;
    sent.tcp = facts_of(own_);
    sent.active = true;
    sent.seq = kOwnResetSeq;
    if (hooks_.reasons_seen) sent.reason = reason;
    return emit(sent, by.tgid != 0 ? by.task() : Task{});
}

Story& Story::times_out(TcpFacts socket) {
    own_.tcp.timeouts = socket.timeouts;
    own_.tcp.probes_out = socket.probes_out;
    own_.tcp.keepalive = socket.keepalive;
    own_.tcp.unsent_bytes = socket.unsent_bytes;
    own_.tcp.user_timeout_ms = socket.user_timeout_ms;
    return network_reports(ETIMEDOUT);
}

Story& Story::network_reports(int error) {
    own_.tcp.shutdown = 3;
    ends_with_pending(error);
    report();
    return *this;
}

Story& Story::network_warns(int error) {
    own_.tcp.error = error;
    ErrorRaised raised;
    raised.endpoint = own_.endpoint;
    raised.tcp = facts_of(own_);
    emit(raised);
    report();
    own_.tcp.error = 0;  // the next call takes it
    return *this;
}

Story& Story::destroyed_by_ss(Person who, bool reports_first) {
    Closure closure = closure_by(who, now_, 44, 0);
    closure.path = ClosePath::kDestroyed;
    own_.tcp.error = ECONNABORTED;
    if (!reports_first) {
        own_kernel_sends_rst(kResetState, who);
        give_up(own_, TcpState::kClose, closure);
    }
    ErrorRaised raised;
    raised.endpoint = own_.endpoint;
    raised.tcp = facts_of(own_);
    emit(raised, who.task());
    report();
    if (reports_first) {
        own_kernel_sends_rst(kResetState, who);
        give_up(own_, TcpState::kClose, closure);
    }
    return *this;
}

Story& Story::reset_without_rst() {
    ResetReceived reset;
    reset.endpoint = own_.endpoint;
    reset.tcp = facts_of(own_);
    emit(reset);
    report();
    return ends_with_pending(ECONNRESET);
}

Story& Story::ends_with_pending(int error) {
    own_.tcp.error = error;
    enter(own_, TcpState::kClose);
    ErrorRaised raised;
    raised.endpoint = own_.endpoint;
    raised.tcp = facts_of(own_);
    return emit(raised);
}

Story& Story::own_socket_answers_with_rst() {
    ResetSent sent;
    sent.endpoint = own_.endpoint;
    if (hooks_.reasons_seen) sent.reason = kResetAbortOnData;
    sent.provoking_flags = 0x18;
    return emit(sent);
}

Story& Story::call_fails(Call call, int error, Person who) {
    const bool first = counted(call, error, false, who);
    const bool is_send = call.number == kWrite.number || call.number == kSendto.number ||
                         call.number == kSendfile.number || call.number == kUringSend.number;
    const bool seen = is_send ? hooks_.sends_seen : hooks_.receives_seen;
    CallFailed failed;
    failed.endpoint = own_.endpoint;
    if (error == own_.tcp.error) own_.tcp.error = 0;
    failed.tcp = facts_of(own_);
    failed.call = site_of(call);
    failed.direction = is_send ? CallDirection::kSend : CallDirection::kReceive;
    failed.error = error;
    failed.no_signal = (call.flags & 0x4000) != 0;
    if (!first || !seen) return wait_us(1);
    report_ends();
    emit(failed, who.task());
    report();
    return *this;
}

Story& Story::error_taken_unseen() {
    own_.tcp.error = 0;
    return wait_us(1);
}

Story& Story::connect_gives_up() {
    own_.tcp.error = 0;
    ErrorRaised raised;
    raised.endpoint = own_.endpoint;
    raised.tcp = facts_of(own_);
    raised.call = site_of(kConnect);
    return emit(raised, owner_.task());
}

Story& Story::sigpipe_raised(Call call, Stance stance, Person who) {
    if (!counted(call, 0, true, who)) return wait_us(1);
    report_ends();
    SigpipeGenerated raised;
    raised.endpoint = own_.endpoint;
    raised.tcp = facts_of(own_);
    raised.call = site_of(call);
    raised.blocked = stance == Stance::kBlocked;
    raised.disposition = stance == Stance::kHandled   ? Disposition::kHandler
                         : stance == Stance::kIgnored ? Disposition::kIgnore
                                                      : Disposition::kDefault;
    raised.result = stance == Stance::kIgnored ? 1 : 0;
    raised.written_bytes = 100'000;
    raised.took_some = took_some_;
    emit(raised, who.task());
    if (own_.endpoint.kind == EndpointKind::kTcp) report();
    return *this;
}

Story& Story::took_of_the_write(bool some) {
    took_some_ = some;
    return *this;
}

Story& Story::sigpipe_delivered(Stance stance, std::uint64_t written_meanwhile, Person who) {
    SigpipeDelivered delivered;
    delivered.kills = stance == Stance::kDefault;
    delivered.disposition = stance == Stance::kDefault   ? Disposition::kDefault
                            : stance == Stance::kIgnored ? Disposition::kIgnore
                                                         : Disposition::kHandler;
    delivered.written_bytes = 100'000 + written_meanwhile;
    return emit(delivered, who.task());
}

Story& Story::write_meets_sigpipe(Call call, Stance stance, Person who) {
    own_.tcp.error = 0;
    if (own_.endpoint.kind == EndpointKind::kTcp) call_fails(call, EPIPE, who);
    if ((call.flags & 0x4000) != 0) return *this;
    sigpipe_raised(call, stance, who);
    const bool delivered = stance == Stance::kDefault || stance == Stance::kHandled;
    return delivered ? sigpipe_delivered(stance, 0, who) : *this;
}

Story& Story::reader_gone(Person who, std::uint8_t signal, bool exiting) {
    other_end_ = OtherEndSeen{};
    other_end_->endpoint = own_.endpoint;
    other_end_->closure = closure_by(who, now_, exiting ? kNoCall : kCloseCall, 0);
    other_end_->closure.exiting = exiting;
    other_end_->closure.signal = signal;
    other_end_->last_holder = true;
    return wait_us(1);
}

Story& Story::with_exit_status(std::uint8_t status) {
    other_end_->closure.exit_status = status;
    return *this;
}

Story& Story::reader_last_seen(Person who) {
    reader_gone(who);
    other_end_->closure.at = {};
    other_end_->last_holder = false;
    return *this;
}

Story& Story::process_exits(int wait_status, Person who) {
    emit(ProcessExited{wait_status}, who.task());
    return counts_flushed();
}

Story& Story::destroyed(std::optional<Person> by) {
    counts_flushed();
    counts_ = {};
    count_kinds_ = 0;
    EndpointDestroyed destroyed;
    destroyed.endpoint = own_.endpoint;
    destroyed.tcp = facts_of(own_);
    return emit(destroyed, by ? by->task() : Task{});
}

Story& Story::peer_destroyed() {
    if (!peer_.reported) return wait_us(1);
    EndpointDestroyed destroyed;
    destroyed.endpoint = peer_.endpoint;
    return emit(destroyed);
}

Story& Story::counts_flushed() {
    if (count_kinds_ == 0) return *this;
    counts_.endpoint.id = own_.endpoint.id;
    counts_.endpoint.kind = own_.endpoint.kind;
    return emit(counts_);
}

/// True for the first of its kind; the kernel programs only count the others.
bool Story::counted(const Call& call, int error, bool is_sigpipe, const Person& who) {
    const bool took_some = is_sigpipe && took_some_.value_or(false);
    for (std::size_t i = 0; i < count_kinds_; ++i) {
        FailureCount& met = counts_.counts[i];
        const bool same = met.tid == who.task().tid && met.call_number == call.number && met.error == error &&
                          met.is_sigpipe == is_sigpipe && met.took_some == took_some;
        if (!same) continue;
        ++met.count;
        met.last = now_;
        return false;
    }
    if (count_kinds_ == kFailureCountMax) return true;
    counts_.counts[count_kinds_++] = FailureCount{
        who.task().tid, call.number, static_cast<std::uint8_t>(error), is_sigpipe, took_some, 1, now_};
    return true;
}

}  // namespace pipetrace::testing
