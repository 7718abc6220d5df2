#include "correlate/origin_story.h"

#include "correlate/endpoint_story.h"
#include "correlate/reset_text.h"
#include "correlate/timeline.h"

#include <algorithm>

namespace pipetrace {
namespace {

constexpr std::uint8_t kSyn = 0x02;
constexpr std::uint8_t kAck = 0x10;
/// SOCK_DESTROY sends the RST, and then ends the socket (tcp_abort, 5.10 to 7.2).
constexpr std::uint64_t kDestroyLagNs = 50'000'000;

const ResetSent& reset_of(const Origin& origin) { return origin.connection.reset_sent->body; }

Closure closure_of(const Origin& origin) {
    const Closure& closure = origin.connection.closure;
    const Ktime sent_at = origin.connection.reset_sent->at;
    const bool follows = closure.path == ClosePath::kDestroyed && closure.at <= sent_at + kDestroyLagNs;
    return follows ? closure : closure_before(closure, sent_at);
}

/// Who closed that end; else who held it. Whoever destroys another's socket is not its holder.
Task sender_of(const Origin& origin, const Closure& closure) {
    const auto& remembered = origin.connection.remembered;
    const Task owner = remembered ? remembered->owner : Task{};
    if (closure.known() && closure.by.known() && closure.path != ClosePath::kDestroyed) return closure.by;
    return owner.known() ? owner : origin.connection.reset_sent->task;
}

/// The kernel enters CLOSE before it sends the RST of an abort: what it was in until then says more.
TcpState state_of(const Origin& origin) {
    const ResetSent& sent = reset_of(origin);
    const auto& remembered = origin.connection.remembered;
    if (sent.endpoint.id == 0) {
        return sent.endpoint.state == TcpState::kTimeWait ? TcpState::kTimeWait : TcpState::kUnknown;
    }
    const bool was_left = sent.endpoint.state == TcpState::kClose && remembered;
    return was_left && remembered->closed_from != TcpState::kUnknown ? remembered->closed_from
                                                                     : sent.endpoint.state;
}

/// tcp_send_active_reset() always acknowledges, tcp_v4_send_reset() what bore no ACK (all releases).
std::uint8_t flags_of(const ResetSent& sent) {
    const bool acknowledges = sent.active || (sent.provoking_flags & kAck) == 0;
    return acknowledges ? kAck : 0;
}

RstFacts rst_of(const Origin& origin, const Closure& closure) {
    const ResetSent& sent = reset_of(origin);
    RstFacts rst;
    rst.received = false;
    rst.state = state_of(origin);
    rst.at = origin.connection.reset_sent->at;
    rst.why = reset_reason_text(sent, &closure);
    rst.seq = sent.seq;
    rst.flags = flags_text(flags_of(sent));
    return rst;
}

std::optional<FirstClose> first_close_of(const Origin& origin, const Closure& closure) {
    const ResetSent& sent = reset_of(origin);
    const auto& remembered = origin.connection.remembered;
    if (!sent.active && (sent.provoking_flags & kSyn) != 0) return FirstClose::kNone;
    const bool fin_seen = remembered && remembered->fin_seen;
    if (fin_seen && (!closure.known() || remembered->fin_received < closure.at)) return FirstClose::kPeer;
    // Data that comes for an end in TIME_WAIT finds one that closed before the peer did.
    const bool was_left = sent.endpoint.id == 0 && sent.endpoint.state == TcpState::kTimeWait;
    if (closure.known() || sent.active || was_left) return FirstClose::kLocal;
    return std::nullopt;
}

void add_socket_facts(EndpointStory& told, const ResetSent& sent) {
    if (sent.endpoint.id == 0) return;
    told.bytes_sent = sent.tcp.bytes_sent;
    told.bytes_acked = sent.tcp.bytes_acked;
    told.bytes_received = sent.tcp.bytes_received;
    if (sent.tcp.rtt_us != 0) told.rtt_us = sent.tcp.rtt_us;
    told.retransmits = sent.tcp.retransmits;
    // Both clocks, for the older one is no silence; an answer has been drawn by what broke it.
    if (!sent.active || !sent.tcp.last_sent_ago_us || !sent.tcp.last_received_ago_us) return;
    told.idle_us = std::min(*sent.tcp.last_sent_ago_us, *sent.tcp.last_received_ago_us);
}

IncidentFacts judged_facts(const Origin& origin, const Closure& closure) {
    IncidentFacts facts;
    facts.own_reset = reset_of(origin);
    facts.own_closure = closure;
    const auto& remembered = origin.connection.remembered;
    if (!remembered) return facts;
    facts.was_connected = true;
    facts.older_than_trace = remembered->older_than_trace;
    facts.passive = remembered->passive;
    facts.fin_received = remembered->fin_seen;
    return facts;
}

}  // namespace

Incident tell_origin(const Origin& origin, const SyscallNames& syscall_names) {
    const Closure closure = closure_of(origin);
    Failure failure;
    failure.endpoint = origin.connection.endpoint;
    failure.first_at = origin.connection.reset_sent->at;
    failure.task = sender_of(origin, closure);
    Story story;
    story.failure = &failure;
    story.own = &origin.connection;
    story.syscall_names = &syscall_names;
    story.resets_sent_count = origin.count;

    Incident incident;
    incident.role = Role::kOrigin;
    incident.at = failure.first_at;
    incident.process = involved(failure.task);
    incident.sigpipe = SigpipeFate::kNone;
    incident.rst = rst_of(origin, closure);
    incident.first_close = first_close_of(origin, closure);
    incident.endpoint = endpoint_of(story, {}, incident.rst, incident.at);
    add_socket_facts(incident.endpoint, reset_of(origin));
    incident.facts = judged_facts(origin, closure);
    incident.timeline = timeline_of(story, incident);
    return incident;
}

}  // namespace pipetrace
