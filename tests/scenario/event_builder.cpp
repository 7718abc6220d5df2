#include "event_builder.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace pipetrace::testing {
namespace {

constexpr std::uint32_t kOwnFirstSeq = 1000;
constexpr std::uint16_t kNoCall = 0xffff;
constexpr std::uint16_t kCloseCall = 3;
constexpr std::uint16_t kShutdownCall = 48;

Comm comm_of(const char* name) {
    Comm comm;
    std::memcpy(comm.bytes.data(), name, std::min(std::strlen(name), comm.bytes.size()));
    return comm;
}

Address v4(std::array<std::uint8_t, 4> ip, std::uint16_t port) {
    Address address;
    address.ip[10] = address.ip[11] = 0xff;
    std::copy(ip.begin(), ip.end(), address.ip.begin() + 12);
    address.port = port;
    return address;
}

Address v6_loopback(std::uint16_t port) {
    Address address;
    address.ip[15] = 1;
    address.port = port;
    return address;
}

Closure closure_by(const Person& who, Ktime at, std::uint16_t call, std::uint8_t shutdown) {
    Closure closure;
    closure.at = at;
    closure.by = who.task();
    closure.call_number = call;
    closure.shutdown = shutdown;
    return closure;
}

}  // namespace

Task Person::task() const {
    Task task;
    task.process = {tgid, 77'000'000'000ULL + tgid};
    task.tid = tid != 0 ? tid : tgid;
    task.parent_tgid = 1;
    task.uid = 1000;
    task.namespace_tgid = tgid;
    task.process_comm = comm_of(comm);
    task.thread_comm = comm_of(comm);
    return task;
}

const char* syscall_name(std::uint16_t number) {
    switch (number) {
        case 0: return "read";
        case 1: return "write";
        case 3: return "close";
        case 42: return "connect";
        case 44: return "sendto";
        case 45: return "recvfrom";
        case 48: return "shutdown";
        default: return nullptr;
    }
}

Story::Story(Hooks hooks) : hooks_(hooks) {
    own_.endpoint.kind = peer_.endpoint.kind = EndpointKind::kTcp;
    own_.endpoint.id = 101;
    peer_.endpoint.id = 102;
    own_.endpoint.netns = peer_.endpoint.netns = 4026531840;
    own_.tcp.snd_nxt = kOwnFirstSeq;
    set_addresses(v4({127, 0, 0, 1}, 50870), v4({127, 0, 0, 1}, 2222));
}

void Story::set_addresses(const Address& local, const Address& remote) {
    own_.endpoint.local = peer_.endpoint.remote = local;
    own_.endpoint.remote = peer_.endpoint.local = remote;
}

Story& Story::over_ipv6() {
    set_addresses(v6_loopback(50870), v6_loopback(2222));
    return *this;
}

Story& Story::between_namespaces() {
    set_addresses(v4({10, 9, 0, 2}, 50870), v4({10, 9, 0, 1}, 2222));
    peer_.endpoint.netns = 4026532999;
    return *this;
}

Story& Story::with_a_distant_peer() {
    set_addresses(v4({192, 0, 2, 10}, 50870), v4({198, 51, 100, 7}, 443));
    peer_on_host_ = false;
    return *this;
}

Story& Story::held_by(Person owner) {
    owner_ = owner;
    return *this;
}

Story& Story::on_a_pipe() {
    own_.endpoint = {};
    own_.endpoint.kind = EndpointKind::kPipe;
    own_.endpoint.id = 77001;
    peer_on_host_ = false;
    return *this;
}

Story& Story::wait_us(std::uint64_t microseconds) {
    now_ = now_ + microseconds * 1000;
    steps_.push_back({now_, std::nullopt, lost_});
    return *this;
}

Story& Story::connected() {
    for (End* end : {&own_, &peer_}) {
        end->endpoint.state = TcpState::kEstablished;
        end->memory.opened = now_;
    }
    own_.memory.owner = owner_.task();
    peer_.memory.owner = kServer.task();
    peer_.memory.passive = true;
    return wait_us(1);
}

Story& Story::connected_before_the_trace(TcpState state) {
    for (End* end : {&own_, &peer_}) {
        end->endpoint.state = state;
        end->memory.older_than_trace = true;
    }
    own_.memory.owner = owner_.task();
    peer_.memory.owner = kServer.task();
    if (state == TcpState::kCloseWait) {
        own_.memory.fin_seen = true;
        own_.memory.snd_nxt_at_fin = own_.tcp.snd_nxt;
    }
    return *this;
}

Story& Story::never_connected() {
    set_addresses({}, {});
    own_.endpoint.state = TcpState::kClose;
    peer_on_host_ = false;
    return *this;
}

Story& Story::connecting() {
    own_.endpoint.state = TcpState::kSynSent;
    own_.memory.opened = now_;
    own_.memory.owner = owner_.task();
    peer_on_host_ = false;
    return wait_us(1);
}

Story& Story::sent(std::uint32_t bytes, bool acknowledged) {
    own_.tcp.bytes_sent += bytes;
    own_.tcp.snd_nxt += bytes;
    own_.last_sent = now_;
    if (acknowledged) {
        own_.tcp.bytes_acked = own_.tcp.bytes_sent;
        own_.tcp.unacked_sent_ns = 0;
        own_.last_received = now_ + 1000;
    } else {
        own_.tcp.unacked_sent_ns = now_.ns;
    }
    return wait_us(2);
}

Story& Story::received(std::uint32_t bytes) {
    own_.tcp.bytes_received += bytes;
    own_.last_received = now_;
    return wait_us(1);
}

Story& Story::fin_received() {
    own_.memory.fin_seen = true;
    own_.memory.fin_received = now_;
    own_.memory.snd_nxt_at_fin = own_.tcp.snd_nxt;
    own_.last_received = now_;
    enter(own_, TcpState::kCloseWait);
    return wait_us(1);
}

Story& Story::peer_closed() {
    peer_gives_up(closure_by(kServer, now_, kCloseCall, 3));
    return *this;
}

Story& Story::peer_shut_down() {
    peer_gives_up(closure_by(kServer, now_, kShutdownCall, 3));
    return *this;
}

Story& Story::peer_exited_with_signal(std::uint8_t signal) {
    Closure closure = closure_by(kServer, now_, kNoCall, 3);
    closure.exiting = true;
    closure.signal = signal;
    peer_gives_up(closure);
    return *this;
}

void Story::peer_gives_up(Closure closure) {
    give_up(peer_, TcpState::kFinWait1, std::move(closure));
    wait_us(1);
    fin_received();
}

Story& Story::shut_down_by(Person who) {
    own_.tcp.shutdown |= kSendShutdown;
    give_up(own_, TcpState::kFinWait1, closure_by(who, now_, kShutdownCall, kSendShutdown));
    wait_us(1);
    enter(own_, TcpState::kFinWait2);
    return *this;
}

Story& Story::closed_by(Person who) {
    const TcpState from = own_.endpoint.state;
    if (from == TcpState::kClose) return *this;
    own_.tcp.shutdown = 3;
    give_up(own_, from == TcpState::kCloseWait ? TcpState::kLastAck : TcpState::kFinWait1,
            closure_by(who, now_, kCloseCall, 3));
    return wait_us(1);
}

Story& Story::peer_aborts(int reason, std::uint32_t unread, bool linger_zero, std::uint8_t signal) {
    Closure closure = closure_by(kServer, now_, kCloseCall, reason == kReasonState && !linger_zero ? 0 : 3);
    closure.unread_bytes = unread;
    closure.linger_zero = linger_zero;
    closure.exiting = signal != 0;
    closure.signal = signal;
    if (!linger_zero && reason == kReasonState) closure.call_number = kNoCall;
    give_up(peer_, TcpState::kClose, closure);
    ResetSent sent;
    sent.endpoint = socket_of(peer_);
    sent.tcp.unread_bytes = unread;
    sent.active = true;
    if (hooks_.reasons_seen) sent.reason = reason;
    return emit(sent, kServer.task());
}

Story& Story::peer_socket_error_report(int error) {
    ErrorRaised raised;
    raised.endpoint = socket_of(peer_);
    raised.tcp.error = error;
    emit(raised, kServer.task());
    report_end(peer_);
    report_end(own_);
    return *this;
}

Story& Story::peer_kernel_answers(int reason) {
    ResetSent sent;
    sent.endpoint = socket_of(peer_);
    sent.endpoint.id = 0;
    sent.endpoint.state = reason == kReasonTimeWait ? TcpState::kTimeWait : TcpState::kUnknown;
    if (hooks_.reasons_seen) sent.reason = reason;
    sent.provoking_flags = reason == kReasonNoSocket ? 0x02 : 0x18;
    return emit(sent);
}

Story& Story::reset_received(std::uint8_t flags) {
    const TcpState state = own_.endpoint.state;
    ResetReceived reset;
    reset.endpoint = socket_of(own_);
    reset.tcp = facts_of(own_);
    if (hooks_.packets_seen) reset.packet = RstPacket{own_.tcp.rcv_nxt, 64, 64, flags};
    emit(reset);
    report();
    own_.tcp.error = state == TcpState::kSynSent     ? ECONNREFUSED
                     : state == TcpState::kCloseWait ? EPIPE
                                                     : ECONNRESET;
    own_.tcp.shutdown = 3;
    enter(own_, TcpState::kClose);
    ErrorRaised raised;
    raised.endpoint = socket_of(own_);
    raised.tcp = facts_of(own_);
    return emit(raised);
}

Story& Story::reset_without_rst() {
    ResetReceived reset;
    reset.endpoint = socket_of(own_);
    reset.tcp = facts_of(own_);
    emit(reset);
    report();
    own_.tcp.error = ECONNRESET;
    enter(own_, TcpState::kClose);
    ErrorRaised raised;
    raised.endpoint = socket_of(own_);
    raised.tcp = facts_of(own_);
    return emit(raised);
}

Story& Story::own_socket_answers_with_rst() {
    ResetSent sent;
    sent.endpoint = socket_of(own_);
    if (hooks_.reasons_seen) sent.reason = kReasonAbortOnData;
    sent.provoking_flags = 0x18;
    return emit(sent);
}

Story& Story::call_fails(Call call, int error, Person who) {
    const bool first = counted(call, error, false, who);
    const bool is_send = call.number == kWrite.number || call.number == kSendto.number;
    const bool seen = is_send ? hooks_.sends_seen : hooks_.receives_seen;
    CallFailed failed;
    failed.endpoint = socket_of(own_);
    if (error == own_.tcp.error) own_.tcp.error = 0;
    failed.tcp = facts_of(own_);
    failed.call = site_of(call);
    failed.direction = is_send ? CallDirection::kSend : CallDirection::kReceive;
    failed.error = error;
    failed.no_signal = (call.flags & 0x4000) != 0;
    if (!first || !seen) return wait_us(1);
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
    raised.endpoint = socket_of(own_);
    raised.tcp = facts_of(own_);
    raised.call = site_of(kConnect);
    return emit(raised, owner_.task());
}

Story& Story::sigpipe_raised(Call call, Stance stance, Person who) {
    if (!counted(call, 0, true, who)) return wait_us(1);
    if (reader_) emit(*reader_);
    SigpipeGenerated raised;
    raised.endpoint = socket_of(own_);
    raised.tcp = facts_of(own_);
    raised.call = site_of(call);
    raised.blocked = stance == Stance::kBlocked;
    raised.disposition = stance == Stance::kHandled   ? Disposition::kHandler
                         : stance == Stance::kIgnored ? Disposition::kIgnore
                                                      : Disposition::kDefault;
    raised.result = stance == Stance::kIgnored ? 1 : 0;
    raised.written_bytes = 100'000;
    emit(raised, who.task());
    if (own_.endpoint.kind == EndpointKind::kTcp) report();
    return *this;
}

Story& Story::sigpipe_delivered(Stance stance, std::uint64_t written_meanwhile, Person who) {
    SigpipeDelivered delivered;
    delivered.kills = stance == Stance::kDefault;
    delivered.disposition = delivered.kills ? Disposition::kDefault : Disposition::kHandler;
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
    reader_ = PipeReaderSeen{};
    reader_->endpoint = own_.endpoint;
    reader_->closure = closure_by(who, now_, exiting ? kNoCall : kCloseCall, 0);
    reader_->closure.exiting = exiting;
    reader_->closure.signal = signal;
    reader_->last_reader = true;
    return wait_us(1);
}

Story& Story::reader_last_seen(Person who) {
    reader_gone(who);
    reader_->closure.at = {};
    reader_->last_reader = false;
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
    destroyed.endpoint = socket_of(own_);
    destroyed.tcp = facts_of(own_);
    return emit(destroyed, by ? by->task() : Task{});
}

Story& Story::peer_destroyed() {
    if (!peer_.reported) return wait_us(1);
    EndpointDestroyed destroyed;
    destroyed.endpoint = socket_of(peer_);
    return emit(destroyed);
}

Story& Story::counts_flushed() {
    if (count_kinds_ == 0) return *this;
    counts_.endpoint.id = own_.endpoint.id;
    counts_.endpoint.kind = own_.endpoint.kind;
    return emit(counts_);
}

Story& Story::lose(std::uint64_t events) {
    lost_ += events;
    steps_.push_back({now_, std::nullopt, lost_});
    return *this;
}

Story& Story::emit(EventBody body, const Task& task) {
    now_ = now_ + 1000;
    Event event;
    event.at = now_;
    event.task = task;
    event.body = std::move(body);
    steps_.push_back({now_, std::move(event), lost_});
    return *this;
}

/// A closed socket keeps its addresses; a socket that tcp_disconnect() reset does not.
Endpoint Story::socket_of(const End& end) const { return end.endpoint; }

TcpFacts Story::facts_of(const End& end) const {
    TcpFacts facts = end.tcp;
    const auto ago = [&](Ktime then) -> std::optional<std::uint64_t> {
        if (!then.known()) return std::nullopt;
        return (now_.ns - then.ns) / 1000;
    };
    facts.last_sent_ago_us = ago(end.last_sent);
    facts.last_received_ago_us = ago(end.last_received);
    return facts;
}

CallSite Story::site_of(const Call& call) const {
    return CallSite{call.number, call.fd, call.bytes, call.flags};
}

void Story::report() {
    report_end(own_);
    report_end(peer_);
}

void Story::report_end(End& end) {
    const bool known = end.memory.opened.known() || end.memory.older_than_trace;
    if (end.reported || !known || (&end == &peer_ && !peer_on_host_)) return;
    end.reported = true;
    end.memory.endpoint = end.endpoint;
    emit(end.memory);
}

void Story::enter(End& end, TcpState state, const Task& task) {
    const TcpState from = end.endpoint.state;
    end.endpoint.state = state;
    if (!end.reported) return;
    StateChanged changed;
    changed.endpoint = socket_of(end);
    changed.tcp = facts_of(end);
    changed.from = from;
    changed.to = state;
    changed.closure = end.memory.closure;
    emit(changed, task);
}

void Story::give_up(End& end, TcpState to, Closure closure) {
    closure.from = end.endpoint.state;
    closure.to = to;
    if (!end.memory.closure.known()) end.memory.closure = closure;
    enter(end, to, closure.by);
}

/// True for the first of its kind; the kernel programs only count the others.
bool Story::counted(const Call& call, int error, bool is_sigpipe, const Person& who) {
    for (std::size_t i = 0; i < count_kinds_; ++i) {
        FailureCount& met = counts_.counts[i];
        const bool same = met.tid == who.task().tid && met.call_number == call.number &&
                          met.error == error && met.is_sigpipe == is_sigpipe;
        if (!same) continue;
        ++met.count;
        met.last = now_;
        return false;
    }
    if (count_kinds_ == kFailureCountMax) return true;
    counts_.counts[count_kinds_++] = FailureCount{
        who.task().tid, call.number, static_cast<std::uint8_t>(error), is_sigpipe, 1, now_};
    return true;
}

}  // namespace pipetrace::testing
