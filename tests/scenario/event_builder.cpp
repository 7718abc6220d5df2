#include "event_builder.h"

#include <algorithm>
#include <cstring>

namespace pipetrace::testing {
namespace {

constexpr std::uint32_t kOwnFirstSeq = 1000;

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

}  // namespace

Closure closure_by(const Person& who, Ktime at, std::uint16_t call, std::uint8_t shutdown) {
    Closure closure;
    closure.at = at;
    closure.by = who.task();
    closure.call_number = call;
    closure.shutdown = shutdown;
    return closure;
}

Task Person::task() const {
    Task task;
    task.process = {tgid, 77'000'000'000ULL + tgid};
    task.tid = tid != 0 ? tid : tgid;
    task.parent_tgid = parent_tgid;
    task.uid = 1000;
    task.namespace_tgid = tgid;
    task.process_comm = comm_of(comm);
    task.thread_comm = comm_of(comm);
    return task;
}

const SyscallNames& syscall_names() {
    static const SyscallNames kNames = [] {
        SyscallNames names;
        names.add(0, "read");
        names.add(1, "write");
        names.add(3, "close");
        names.add(42, "connect");
        names.add(40, "sendfile");
        names.add(44, "sendto");
        names.add(45, "recvfrom");
        names.add(48, "shutdown");
        names.add(426, "io_uring_enter");
        return names;
    }();
    return kNames;
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

Story& Story::on_the_distant_host() {
    with_a_distant_peer();
    const Address local = own_.endpoint.local;
    set_addresses(own_.endpoint.remote, local);
    return *this;
}

Story& Story::held_by(Person owner) {
    owner_ = owner;
    return *this;
}

Story& Story::served_by(Person owner) {
    server_ = owner;
    return *this;
}

Story& Story::numbered(std::uint16_t number) {
    for (End* end : {&own_, &peer_}) end->endpoint.id += 1000ULL * number;
    Address local = own_.endpoint.local;
    local.port = static_cast<std::uint16_t>(local.port + number);
    set_addresses(local, own_.endpoint.remote);
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
    peer_.memory.owner = server_.task();
    peer_.memory.passive = true;
    return wait_us(1);
}

Story& Story::accepted() {
    connected();
    own_.memory.passive = true;
    peer_.memory.passive = false;
    return *this;
}

Story& Story::connected_before_the_trace(TcpState state) {
    for (End* end : {&own_, &peer_}) {
        end->endpoint.state = state;
        end->memory.older_than_trace = true;
    }
    own_.memory.owner = owner_.task();
    peer_.memory.owner = server_.task();
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

Story& Story::sent_again() {
    own_.last_sent = now_;
    own_.tcp.unacked_sent_ns = now_.ns;
    own_.tcp.sent_again = true;
    return wait_us(2);
}

Story& Story::received(std::uint32_t bytes) {
    own_.tcp.bytes_received += bytes;
    own_.last_received = now_;
    return wait_us(1);
}

Story& Story::round_trip_us(std::uint32_t measured) {
    own_.tcp.rtt_us = measured;
    return *this;
}

Story& Story::fin_received() {
    own_.memory.fin_seen = true;
    own_.memory.fin_received = now_;
    own_.memory.snd_nxt_at_fin = own_.tcp.snd_nxt;
    own_.last_received = now_;
    if (own_.reported) emit(own_.memory);
    enter(own_, TcpState::kCloseWait);
    return wait_us(1);
}

Story& Story::peer_closed() {
    peer_gives_up(closure_by(server_, now_, kCloseCall, 3));
    return *this;
}

Story& Story::peer_closed_behind_full_window() {
    own_.tcp.unread_bytes = static_cast<std::uint32_t>(own_.tcp.bytes_received);
    return peer_closed_but_fin_lost();
}

Story& Story::peer_closed_but_fin_lost() {
    give_up(peer_, TcpState::kFinWait1, closure_by(kServer, now_, kCloseCall, 3));
    return wait_us(1);
}

Story& Story::peer_forgets() { return forgets(peer_, server_); }

Story& Story::own_forgets() {
    forgets(own_, owner_);
    report_end(own_);
    return *this;
}

Story& Story::forgets(End& end, const Person& who) {
    Closure closure = closure_by(who, now_, kCloseCall, 3);
    closure.path = ClosePath::kRepair;
    give_up(end, TcpState::kClose, closure);
    end.tcp.error = ECONNABORTED;  // tcp_disconnect() under repair
    ErrorRaised raised;
    raised.endpoint = end.endpoint;
    raised.tcp = facts_of(end);
    return emit(raised, who.task());
}

Story& Story::peer_shut_down() {
    peer_gives_up(closure_by(server_, now_, kShutdownCall, 3));
    return *this;
}

Story& Story::peer_exited_with_signal(std::uint8_t signal) {
    Closure closure = closure_by(server_, now_, kNoCall, 3);
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

Story& Story::shut_down_by(Person who, std::uint8_t directions) {
    own_.tcp.shutdown |= directions;
    give_up(own_, TcpState::kFinWait1, closure_by(who, now_, kShutdownCall, directions));
    wait_us(1);
    enter(own_, TcpState::kFinWait2);
    return *this;
}

Story& Story::closed_by(Person who) {
    const TcpState from = own_.endpoint.state;
    if (from == TcpState::kClose) return *this;
    own_.tcp.shutdown = 3;
    ++own_.tcp.snd_nxt;  // its FIN
    give_up(own_, from == TcpState::kCloseWait ? TcpState::kLastAck : TcpState::kFinWait1,
            closure_by(who, now_, kCloseCall, 3));
    return wait_us(1);
}

Story& Story::together_with(const Story& other) {
    steps_.insert(steps_.end(), other.steps_.begin(), other.steps_.end());
    std::stable_sort(steps_.begin(), steps_.end(),
                     [](const Step& a, const Step& b) { return a.arrives < b.arrives; });
    now_ = std::max(now_, other.now_);
    return *this;
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
    if (filtered_) {
        emit(*filtered_);
        filtered_.reset();
    }
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
    changed.endpoint = end.endpoint;
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

}  // namespace pipetrace::testing
