#include "correlate/story.h"

#include "correlate/end_facts.h"
#include "correlate/endpoint_story.h"
#include "correlate/other_end.h"
#include "correlate/reset_text.h"
#include "correlate/timeline.h"
#include "model/reset_reason.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <iterator>
#include <string_view>

namespace pipetrace {
namespace {

constexpr std::uint64_t kOneActNsMax = 50'000'000;

/// From the write that drew it to the RST.
std::optional<std::uint64_t> rst_delay_of(const Story& story) {
    const Ktime write = drawing_write_at(story);
    if (!write.known() || story.own->reset->at < write) return std::nullopt;
    return (story.own->reset->at.ns - write.ns) / 1000;
}

std::optional<RstFacts> rst_of(const Story& story) {
    if (story.own == nullptr || !story.own->reset || story.own->reset_in_doubt) return std::nullopt;
    const ResetReceived& reset = story.own->reset->body;
    RstFacts rst;
    rst.received = true;
    rst.state = reset.endpoint.state;
    rst.at = story.own->reset->at;
    rst.why = why_reset(story);
    rst.delay_us = rst_delay_of(story);
    if (reset.packet) {
        rst.seq = reset.packet->seq;
        rst.flags = flags_text(reset.packet->flags);
        rst.window = reset.packet->window;
        if (reset.packet->ttl != 0) rst.ttl = reset.packet->ttl;
        if (reset.packet->handshake_ttl != 0) rst.handshake_ttl = reset.packet->handshake_ttl;
    }
    return rst;
}

CallError told_error(const FailedCall& call, const SyscallNames& syscall_names) {
    CallError error;
    error.error = call.body.error;
    if (call.syscall != nullptr) {
        error.syscall = call.syscall;
    } else if (const char* name = syscall_names.find(call.body.call.number)) {
        error.syscall = name;
    }
    if (call.body.call.fd >= 0) error.fd = call.body.call.fd;
    if (call.task.tid != 0) {
        error.tid = call.task.tid;
        error.thread = comm_text(call.task.thread_comm);
    }
    if (call.body.call.bytes >= 0) error.bytes = call.body.call.bytes;
    error.count = call.count;
    error.inferred = call.inferred;
    error.first = call.at;
    return error;
}

bool is_uring(const CallSite& call, const SyscallNames& syscall_names) {
    const char* name = syscall_names.find(call.number);
    return name != nullptr && std::string_view(name) == "io_uring_enter";
}

/// A TCP or unix socket raises SIGPIPE only where nothing of the message was taken (tcp_sendmsg_locked,
/// unix_stream_sendmsg), so a call that sends one message has failed. A pipe takes up to PIPE_BUF bytes
/// whole or not at all (pipe(7)); and a count that the signal's delivery still finds unchanged was not added
/// to.
bool surely_failed(const RaisedSigpipe& sigpipe, const SyscallNames& syscall_names) {
    // Of io_uring's requests only a plain write's size is known.
    const bool sized_request = is_uring(sigpipe.body.call, syscall_names) && sigpipe.body.call.bytes >= 0;
    if (sigpipe.body.endpoint.kind == EndpointKind::kPipe) {
        if (sigpipe.body.took_some) return !*sigpipe.body.took_some;
        const bool atomic = sigpipe.body.call.bytes >= 0 && sigpipe.body.call.bytes <= PIPE_BUF;
        const bool counts = !is_uring(sigpipe.body.call, syscall_names);
        return atomic || (counts && sigpipe.delivered && sigpipe.body.written_bytes);
    }
    constexpr std::array<std::string_view, 4> kOneMessage{"write", "writev", "sendto", "sendmsg"};
    const char* name = syscall_names.find(sigpipe.body.call.number);
    if (!sigpipe.body.endpoint.known() || name == nullptr) return false;
    return sized_request || std::find(kOneMessage.begin(), kOneMessage.end(), name) != kOneMessage.end();
}

/// The write that raised this SIGPIPE, where no hook saw it fail: it returned EPIPE.
FailedCall implied_call(const RaisedSigpipe& sigpipe, const SyscallNames& syscall_names) {
    FailedCall call;
    call.at = sigpipe.at;
    call.task = sigpipe.task;
    call.body.endpoint = sigpipe.body.endpoint;
    call.body.tcp = sigpipe.body.tcp;
    call.body.call = sigpipe.body.call;
    call.body.direction = CallDirection::kSend;
    call.body.error = EPIPE;
    call.count = sigpipe.count;
    call.inferred = !surely_failed(sigpipe, syscall_names);
    return call;
}

auto failed_with(const RaisedSigpipe& sigpipe, std::vector<FailedCall>& calls) {
    return std::find_if(calls.begin(), calls.end(), [&](const FailedCall& call) {
        return call.task.tid == sigpipe.task.tid && call.body.error == EPIPE &&
               call.body.call.number == sigpipe.body.call.number;
    });
}

std::vector<FailedCall> all_calls(const Story& story) {
    const Failure& failure = *story.failure;
    std::vector<FailedCall> calls;
    calls.reserve(failure.calls.size() + failure.sigpipes.size());
    calls = failure.calls;
    for (const RaisedSigpipe& sigpipe : failure.sigpipes) {
        // The delivery that would show a count returned may be lost.
        const bool surely = surely_failed(sigpipe, *story.syscall_names);
        const bool may_have_succeeded = story.signals_lost > 0 && !sigpipe.delivered && !surely;
        const auto same = failed_with(sigpipe, calls);
        const bool is_seen = static_cast<std::size_t>(same - calls.begin()) < failure.calls.size();
        if (is_seen || write_succeeded(sigpipe) || may_have_succeeded) continue;
        if (same == calls.end()) {
            calls.push_back(implied_call(sigpipe, *story.syscall_names));
        } else {
            same->count += sigpipe.count;
            same->inferred |= !surely;
        }
    }
    std::stable_sort(calls.begin(), calls.end(),
                     [](const FailedCall& a, const FailedCall& b) { return a.at < b.at; });
    if (!calls.empty()) calls.front().inferred |= may_have_moved_some(calls.front(), *story.syscall_names);
    return calls;
}

/// Whether a send on it can raise SIGPIPE, or have it suppressed. (A pipe knows no MSG_NOSIGNAL.)
bool raises_sigpipe(const Story& story) {
    if (story.failure->endpoint.kind == EndpointKind::kTcp) return true;
    return story.other_end != nullptr && story.other_end->socket_type == SocketType::kStream;
}

/// Of unix sockets only a stream's send raises SIGPIPE, and always does unless it is told not to (which is
/// not seen where io_uring sends): unix_stream_sendmsg(), all releases. A TCP socket's always does.
bool is_suppressed(const Story& story, const FailedCall& call) {
    if (call.body.error != EPIPE) return false;
    const bool is_unix = call.body.endpoint.kind == EndpointKind::kUnix;
    if (!is_unix && !is_uring(call.body.call, *story.syscall_names)) return call.body.no_signal;
    if (!raises_sigpipe(story)) return false;
    const auto& raised = story.failure->sigpipes;
    return std::none_of(raised.begin(), raised.end(), [&](const RaisedSigpipe& sigpipe) {
        return sigpipe.task.tid == call.task.tid && sigpipe.body.call.number == call.body.call.number;
    });
}

/// A handler can set the default action and raise the signal again: Go's runtime does for a write to fd 1
/// or 2.
bool raised_again(const Failure& failure) {
    constexpr std::uint64_t kAtOnceNs = 1'000'000'000;
    constexpr int kSignalMask = 0x7f;
    if (!failure.exited || (failure.exited->exit_code & kSignalMask) != SIGPIPE) return false;
    return failure.exited_at <= failure.sigpipes.back().at + kAtOnceNs;
}

std::optional<SigpipeFate> sigpipe_of(const Story& story, const std::vector<FailedCall>& calls) {
    SigpipeFate gravest = SigpipeFate::kNone;
    for (const FailedCall& call : calls) {
        if (is_suppressed(story, call)) gravest = std::max(gravest, SigpipeFate::kSuppressed);
    }
    for (const RaisedSigpipe& sigpipe : story.failure->sigpipes) {
        gravest = std::max(gravest, fate_of(sigpipe));
    }
    if (gravest == SigpipeFate::kHandled && raised_again(*story.failure)) gravest = SigpipeFate::kKilled;
    // A send would have taken the error that is still pending at the end.
    const bool never_wrote = story.own != nullptr && story.own->error_at_destroy != 0;
    const bool was_forbidden = std::any_of(calls.begin(), calls.end(), [&](const FailedCall& call) {
        return call.body.no_signal && call.body.endpoint.kind == EndpointKind::kTcp &&
               !is_uring(call.body.call, *story.syscall_names);
    });
    // Only MSG_NOSIGNAL itself is seen to suppress one.
    const bool by_absence =
        gravest == SigpipeFate::kNone || (gravest == SigpipeFate::kSuppressed && !was_forbidden);
    const bool may_be_unseen = story.signals_lost > 0 || !story.sigpipes_seen;
    if (may_be_unseen && by_absence && !(never_wrote && calls.empty())) return std::nullopt;
    const bool could_be_suppressed = raises_sigpipe(story) && !story.sends_seen && !never_wrote;
    if (gravest == SigpipeFate::kNone && could_be_suppressed) return std::nullopt;
    return gravest;
}

/// The peer's FIN would have led further (tcp_fin(), all releases).
bool is_half_closed_here(TcpState state) {
    return state == TcpState::kFinWait1 || state == TcpState::kFinWait2;
}

std::optional<FirstClose> first_close_of(const Story& story, const std::vector<FailedCall>& calls,
                                         const std::optional<RstFacts>& rst) {
    if (story.lost > 0 && (story.own == nullptr || !story.own->remembered)) return std::nullopt;
    if (story.own == nullptr) return FirstClose::kNone;
    const auto& remembered = story.own->remembered;
    const Ktime own_close = story.own->closure.at;
    const bool fin_seen = remembered && remembered->fin_seen;
    if (rst && rst->state == TcpState::kSynSent) return FirstClose::kNone;
    if (!story.resets_seen && !fin_seen) return std::nullopt;
    if (fin_seen && (!own_close.known() || remembered->fin_received < own_close)) return FirstClose::kPeer;
    const bool by_destruction = story.own->closure.path == ClosePath::kDestroyed;
    const bool after_error = story.own->error && story.own->error->at <= own_close && !by_destruction;
    if (own_close.known() && !after_error && (!rst || own_close < rst->at)) return FirstClose::kLocal;
    // The peer is here and has closed nothing, and no hook of this mode shows who sent the RST.
    const bool sender_unseen =
        rst && story.peer != nullptr && !story.peer->closure.known() && !story.peer_reset;
    if (sender_unseen && !fin_seen) return std::nullopt;
    const bool sender_known =
        story.peer_reset != nullptr || other_closure(story, rst ? rst->at : Ktime{}).known();
    if (fin_seen || (rst && (sender_known || story.lost == 0))) return FirstClose::kPeer;
    if (story.lost > 0) return std::nullopt;
    // Nobody, where something else is known to have ended it, or there was nothing to close.
    const bool opened = remembered && (remembered->opened.known() || remembered->older_than_trace);
    if (story.own->error || !opened) return FirstClose::kNone;
    return is_half_closed_here(state_at_failure(story, calls)) ? std::optional(FirstClose::kLocal)
                                                               : std::nullopt;
}

std::optional<Peer> peer_of(const Story& story, Ktime at) {
    if (story.other_end != nullptr) return peer_at_other_end(story, at);
    if (story.peer == nullptr) return std::nullopt;
    const Closure closure = other_closure(story, at);
    Task task = story.peer->closure.by;
    const bool by_another = story.peer->closure.path == ClosePath::kDestroyed;
    if ((!task.known() || by_another) && story.peer->remembered) task = story.peer->remembered->owner;
    if (!task.known()) return std::nullopt;
    Peer peer;
    peer.process = involved(task);
    const ResetSent* abort =
        story.peer_reset != nullptr && story.peer_reset->body.active ? &story.peer_reset->body : nullptr;
    if (closure.known()) {
        peer.action = action_of(closure, EndpointKind::kTcp, *story.syscall_names);
        peer.unread_bytes = closure.unread_bytes;
    } else if (abort == nullptr && story.lost == 0) {
        peer.action = PeerAction::kNone;  // and if it aborted, it did so in a way that was not seen
    }
    if (peer.action == PeerAction::kKilled) peer.killed_by_signal = closure.signal;
    // What came after an orderly close, until the kernel gave up an MPTCP connection, its program never had
    // to read.
    const bool in_order = closure.known() && closure.to != TcpState::kClose;
    if (abort != nullptr && !(in_order && abort->endpoint.state == TcpState::kEstablished)) {
        peer.unread_bytes = abort->tcp.unread_bytes;
        // What an MPTCP socket had not read is not its subflow's.
        const bool lay_elsewhere = abort->reason == kResetAbortOnClose && abort->tcp.unread_bytes == 0;
        if (lay_elsewhere) peer.unread_bytes.reset();
    }
    if (closure.unread_uncounted) peer.unread_bytes.reset();
    return peer;
}

IncidentFacts judged_facts(const Story& story, const std::vector<FailedCall>& calls, Ktime at) {
    IncidentFacts facts;
    facts.idle_after_us = story.idle_after_us;
    facts.receives_seen = story.receives_seen;
    facts.resets_seen = story.resets_seen;
    if (!calls.empty()) facts.shutdown = calls.front().body.tcp.shutdown;
    add_other_end_facts(facts, story, calls, at);
    if (story.peer_reset != nullptr) facts.peer_reset = story.peer_reset->body;
    if (story.peer != nullptr) {
        facts.peer_on_host = true;
        facts.peer_closure = other_closure(story, at);
    }
    if (story.own == nullptr) return facts;
    facts.pending_error = pending_error(*story.own);
    const bool all_seen =
        story.sends_seen && story.receives_seen && story.lost == 0 && is_seen_in_calls(facts.pending_error);
    const bool left_pending = story.own->destroyed && story.own->error_at_destroy != 0;
    facts.nobody_told = calls.empty() && story.failure->sigpipes.empty() && (all_seen || left_pending);
    facts.own_closure = closure_before(story.own->closure, at);
    facts.filtered = story.own->filtered;
    facts.data_after_rst = story.late_answer != nullptr;
    facts.answered_late_data = story.own->reset_sent && !story.own->reset_sent->body.active;
    facts.rst_delay_us = rst_delay_of(story);
    if (story.own->reset_sent) facts.own_reset = story.own->reset_sent->body;
    if (story.own->error) {
        facts.at_error = story.own->error->body.tcp;
        const Ktime opened = story.own->remembered ? story.own->remembered->opened : Ktime{};
        const Ktime raised = story.own->error->at;
        if (opened.known() && opened <= raised) facts.age_at_error_us = (raised.ns - opened.ns) / 1000;
    } else if (!calls.empty()) {
        facts.at_error = calls.front().body.tcp;
    }
    if (story.own->reset) {
        facts.rst_packet = story.own->reset->body.packet;
        facts.expected_seq = story.own->reset->body.tcp.rcv_nxt;
        facts.sent_by_nobody_here =
            story.resets_sent_seen && facts.peer_on_host && story.peer_reset == nullptr && story.lost == 0;
    }
    const auto& remembered = story.own->remembered;
    facts.was_connected = remembered && (remembered->opened.known() || remembered->older_than_trace);
    facts.older_than_trace = remembered && remembered->older_than_trace;
    facts.passive = remembered && remembered->passive;
    facts.fin_received = remembered && remembered->fin_seen;
    const TcpFacts* tcp = facts_of(story, calls);
    facts.was_established =
        tcp != nullptr && (tcp->bytes_acked != 0 || tcp->bytes_received != 0 || tcp->rtt_us != 0);
    if (facts.fin_received && story.own->reset && remembered->snd_nxt_at_fin != 0) {
        const ResetReceived& reset = story.own->reset->body;
        std::uint32_t sent = reset.tcp.snd_nxt - remembered->snd_nxt_at_fin;
        // Its own FIN, where that had left, takes a number as well.
        const bool fin_sent = reset.endpoint.state == TcpState::kLastAck && reset.tcp.unsent_bytes == 0;
        if (fin_sent && sent != 0) --sent;
        // Old endpoints: what was sent between the FIN and the start of the trace is not known.
        if (sent != 0 || !facts.older_than_trace) facts.sent_after_fin = sent != 0;
    }
    return facts;
}

}  // namespace

std::optional<std::string> why_reset(const Story& story) {
    if (story.peer_reset == nullptr) return std::nullopt;
    return reset_reason_text(story.peer_reset->body, story.peer != nullptr ? &story.peer->closure : nullptr);
}

bool is_seen_in_calls(int error) { return error != EACCES && error != EOPNOTSUPP; }

InvolvedProcess involved(const Task& task) {
    InvolvedProcess process;
    if (!task.known()) return process;
    process.tgid = task.process.tgid;
    process.comm = comm_text(task.process_comm);
    process.parent_tgid = task.parent_tgid;
    process.uid = task.uid;
    if (task.namespace_tgid != 0) process.namespace_tgid = task.namespace_tgid;
    process.identity = task.process;
    process.cgroup_id = task.cgroup_id;
    return process;
}

Closure closure_before(const Closure& closure, Ktime at) { return closure.at <= at ? closure : Closure{}; }

Closure other_closure(const Story& story, Ktime at) {
    if (story.other_end != nullptr) return closure_before(story.other_end->closure, at);
    if (story.peer == nullptr) return {};
    const Closure& closure = story.peer->closure;
    // An MPTCP subflow is given up after its RST has left (__mptcp_close_ssk, 6.1 to 7.2): one act, which the
    // victim can meet in the middle.
    const Stamped<ResetSent>* abort = story.peer_reset;
    const bool one_act = abort != nullptr && abort->body.active && abort->task.tid == closure.by.tid &&
                         closure.at <= Ktime{abort->at.ns + kOneActNsMax};
    return one_act ? closure : closure_before(closure, at);
}

PeerAction action_of(const Closure& closure, EndpointKind kind, const SyscallNames& syscall_names) {
    if (closure.exiting) return closure.signal != 0 ? PeerAction::kKilled : PeerAction::kExit;
    const char* call = syscall_names.find(closure.call_number);
    if (call != nullptr && std::string_view(call) == "shutdown") return PeerAction::kShutdown;
    // Where no network lies between, a listener's close is no abort of what it had not accepted.
    if (kind != EndpointKind::kTcp) return PeerAction::kClose;
    return closure.path == ClosePath::kClose ? PeerAction::kClose : PeerAction::kAbort;
}

ToldErrors told_errors(const Story& story) {
    ToldErrors told;
    told.calls = all_calls(story);
    told.sigpipe = sigpipe_of(story, told.calls);
    return told;
}

Incident tell(const Story& story) {
    const ToldErrors told = told_errors(story);
    const std::vector<FailedCall>& calls = told.calls;
    Incident incident;
    incident.process = involved(story.failure->task);
    incident.lost = story.lost;
    incident.errors.reserve(calls.size());
    for (const FailedCall& call : calls) {
        incident.errors.push_back(told_error(call, *story.syscall_names));
    }
    incident.rst = rst_of(story);
    incident.sigpipe = told.sigpipe;
    incident.at = story.failure->first_at;
    if (!calls.empty()) {
        incident.at = calls.front().at;
    } else if (!story.failure->sigpipes.empty()) {
        incident.at = story.failure->sigpipes.front().at;
    }
    incident.endpoint = endpoint_of(story, calls, incident.rst, incident.at);
    incident.first_close = story.failure->endpoint.kind == EndpointKind::kTcp
                               ? first_close_of(story, calls, incident.rst)
                               : first_close_at_other_end(story, calls, incident.at);
    incident.peer = peer_of(story, incident.at);
    incident.facts = judged_facts(story, calls, incident.at);
    incident.timeline = timeline_of(story, incident);
    return incident;
}

}  // namespace pipetrace
