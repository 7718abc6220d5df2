#include "correlate/timeline.h"

#include "correlate/end_facts.h"
#include "correlate/endpoint_story.h"
#include "correlate/reset_text.h"
#include "model/errno_name.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

namespace pipetrace {
namespace {

TimelineEntry entry(Ktime at, std::string_view event, Side side) {
    TimelineEntry made;
    made.at = at;
    made.event = event;
    made.side = side;
    return made;
}

void name_task(TimelineEntry& told, const Task& task) {
    if (!task.known()) return;
    told.detail["pid"] = static_cast<std::int64_t>(task.process.tgid);
    told.detail["comm"] = comm_text(task.process_comm);
}

void add_opening(std::vector<TimelineEntry>& timeline, const EndpointRemembered& remembered) {
    if (!remembered.opened.known()) return;
    TimelineEntry told = entry(remembered.opened, "connected", Side::kLocal);
    told.detail["role"] = remembered.passive ? "passive" : "active";
    timeline.push_back(std::move(told));
}

/// A FIN that came before the trace is told at the trace's first sight of the endpoint.
void add_fin(std::vector<TimelineEntry>& timeline, const EndpointRemembered& remembered, Ktime seen_by) {
    if (!remembered.fin_seen) return;
    const bool known = remembered.fin_received.known();
    TimelineEntry told = entry(known ? remembered.fin_received : seen_by, "fin_received", Side::kNetwork);
    told.time_known = known;
    if (known) told.detail["state"] = "ESTABLISHED > CLOSE_WAIT";
    timeline.push_back(std::move(told));
}

/// The peer had shut its end down earlier, as a server in Java does whose selector holds the channel.
bool fin_came_before(const Story& story, const Closure& closure) {
    if (story.own == nullptr || !story.own->remembered) return false;
    const Ktime fin_received = story.own->remembered->fin_received;
    return fin_received.known() && fin_received < closure.at;
}

void add_closure(std::vector<TimelineEntry>& timeline, const Story& story, const Closure& closure,
                 Side side) {
    if (!closure.known()) return;
    const PeerAction action = action_of(closure, story.failure->endpoint.kind, *story.syscall_names);
    TimelineEntry told = entry(closure.at, action == PeerAction::kShutdown ? "shut_down" : "closed", side);
    name_task(told, closure.by);
    told.detail["action"] = peer_action_name(action);
    if (closure.unread_bytes > 0) {
        told.detail["unread_bytes"] = static_cast<std::int64_t>(closure.unread_bytes);
    }
    if (closure.signal != 0) told.detail["signal"] = static_cast<std::int64_t>(closure.signal);
    if (closure.path == ClosePath::kLingerZero) told.detail["linger_zero"] = true;
    if (closure.path == ClosePath::kListener) told.detail["accepted"] = false;
    if (action == PeerAction::kShutdown && closure.shutdown == kReceiveShutdown)
        told.detail["direction"] = "receiving";
    if (closure.to == TcpState::kClose) {
        told.detail["via"] = "RST";
    } else if (closure.to != TcpState::kUnknown &&
               !(side == Side::kPeer && fin_came_before(story, closure))) {
        told.detail["via"] = "FIN";
    }
    timeline.push_back(std::move(told));
}

/// The socket's own clock remembers the write that drew the RST.
void add_drawing_write(std::vector<TimelineEntry>& timeline, const Story& story) {
    const Connection& own = *story.own;
    if (!own.reset || is_abort(story)) return;
    const TcpFacts& tcp = own.reset->body.tcp;
    const bool again = was_sent_again(tcp);
    const Ktime at = again ? Ktime{tcp.unacked_sent_ns} : drawing_write_at(story);
    if (!at.known()) return;
    TimelineEntry told = entry(std::min(at, own.reset->at), "data_sent", Side::kLocal);
    if (tcp.bytes_sent > tcp.bytes_acked) {
        told.detail["bytes"] = static_cast<std::int64_t>(tcp.bytes_sent - tcp.bytes_acked);
    }
    if (again) told.detail["again"] = true;
    told.detail["answered"] = "RST";
    told.detail["source"] = "socket";
    timeline.push_back(std::move(told));
}

void add_reset(std::vector<TimelineEntry>& timeline, const Connection& own, const Incident& incident) {
    if (!own.reset || own.reset_in_doubt) return;
    const ResetReceived& reset = own.reset->body;
    TimelineEntry told = entry(own.reset->at, "rst_received", Side::kNetwork);
    told.detail["state"] = tcp_state_name(reset.endpoint.state);
    if (const int error = pending_error(own)) told.detail["errno"] = errno_name(error);
    if (reset.packet) {
        told.detail["seq"] = static_cast<std::int64_t>(reset.packet->seq);
        told.detail["ttl"] = static_cast<std::int64_t>(reset.packet->ttl);
        told.detail["flags"] = flags_text(reset.packet->flags);
        told.detail["window"] = static_cast<std::int64_t>(reset.packet->window);
        if (reset.packet->handshake_ttl != 0) {
            told.detail["handshake_ttl"] = static_cast<std::int64_t>(reset.packet->handshake_ttl);
        }
    }
    if (const auto& delay = incident.facts.rst_delay_us) {
        told.detail["delay_us"] = static_cast<std::int64_t>(*delay);
        if (const auto& rtt = incident.endpoint.rtt_us)
            told.detail["rtt_us"] = static_cast<std::int64_t>(*rtt);
    }
    timeline.push_back(std::move(told));
}

void add_peer_reset(std::vector<TimelineEntry>& timeline, const Story& story,
                    const std::optional<std::string>& why) {
    if (story.peer_reset == nullptr) return;
    // On one host the record of its sending can be younger: the tracepoint fires after the RST has left.
    Ktime at = story.peer_reset->at;
    if (story.own->reset && !story.own->reset_in_doubt) at = std::min(at, story.own->reset->at);
    TimelineEntry told = entry(at, "rst_sent", Side::kPeer);
    told.detail["active"] = story.peer_reset->body.active;
    if (why) told.detail["reason"] = *why;
    name_task(told, story.peer_reset->task);
    timeline.push_back(std::move(told));
}

void add_raised_error(std::vector<TimelineEntry>& timeline, const Connection& own, bool resets_seen) {
    if (!own.error || own.reset) return;
    TimelineEntry told = entry(own.error->at, "error_raised", Side::kNetwork);
    told.detail["errno"] = errno_name(own.error->body.tcp.error);
    if (resets_seen) told.detail["rst"] = false;
    timeline.push_back(std::move(told));
}

/// What came for an end that took no more, and so drew the RST of an origin incident.
void add_provocation(std::vector<TimelineEntry>& timeline, const Stamped<ResetSent>& sent) {
    if (sent.body.active) return;
    TimelineEntry told = entry(sent.at, "segment_received", Side::kNetwork);
    told.detail["flags"] = segment_flags_text(sent.body.provoking_flags);
    told.detail["bytes"] = static_cast<std::int64_t>(sent.body.provoking_bytes);
    timeline.push_back(std::move(told));
}

/// This end's own RST: keepalive that gave up sends one, so do SOCK_DESTROY and late data after a close.
void add_own_reset(std::vector<TimelineEntry>& timeline, const Story& story, const Incident& incident) {
    const SentReset& sent = story.own->reset_sent;
    if (!sent) return;
    if (story.resets_sent_count > 0) add_provocation(timeline, *sent);
    TimelineEntry told = entry(sent->at, "rst_sent", Side::kLocal);
    told.detail["active"] = sent->body.active;
    if (const auto why = reset_reason_text(sent->body, &story.own->closure)) told.detail["reason"] = *why;
    if (incident.role == Role::kOrigin && incident.rst && incident.rst->state != TcpState::kUnknown) {
        told.detail["state"] = tcp_state_name(incident.rst->state);
    }
    if (story.resets_sent_count > 1)
        told.detail["count"] = static_cast<std::int64_t>(story.resets_sent_count);
    name_task(told, sent->task);
    timeline.push_back(std::move(told));
}

void add_filter_drops(std::vector<TimelineEntry>& timeline, const Connection& own) {
    if (!own.filtered) return;
    TimelineEntry told = entry(own.filtered->last, "packet_filtered", Side::kNetwork);
    told.detail["count"] = static_cast<std::int64_t>(own.filtered->count);
    timeline.push_back(std::move(told));
}

/// The peer went on sending after its RST: what came met no socket here.
void add_late_answer(std::vector<TimelineEntry>& timeline, const Story& story) {
    if (story.late_answer == nullptr) return;
    TimelineEntry told = entry(story.late_answer->at, "rst_sent", Side::kLocal);
    told.detail["active"] = false;
    if (const auto why = reset_reason_text(story.late_answer->body, nullptr)) told.detail["reason"] = *why;
    timeline.push_back(std::move(told));
}

void add_calls(std::vector<TimelineEntry>& timeline, const std::vector<CallError>& errors) {
    for (const CallError& error : errors) {
        TimelineEntry told = entry(error.first, "call_failed", Side::kLocal);
        told.detail["errno"] = errno_name(error.error);
        if (error.syscall) told.detail["syscall"] = *error.syscall;
        if (error.fd) told.detail["fd"] = static_cast<std::int64_t>(*error.fd);
        if (error.bytes) told.detail["bytes"] = *error.bytes;
        if (error.tid) told.detail["tid"] = static_cast<std::int64_t>(*error.tid);
        if (error.thread) told.detail["thread"] = *error.thread;
        if (error.count > 1) told.detail["count"] = static_cast<std::int64_t>(error.count);
        if (error.inferred) told.detail["inferred"] = true;
        timeline.push_back(std::move(told));
    }
}

void add_sigpipe(std::vector<TimelineEntry>& timeline, const RaisedSigpipe& sigpipe,
                 const SyscallNames& syscall_names) {
    TimelineEntry raised = entry(sigpipe.at, "sigpipe_generated", Side::kLocal);
    raised.detail["fate"] = sigpipe_fate_name(fate_of(sigpipe));
    raised.detail["tid"] = static_cast<std::int64_t>(sigpipe.task.tid);
    raised.detail["thread"] = comm_text(sigpipe.task.thread_comm);
    timeline.push_back(std::move(raised));
    if (write_succeeded(sigpipe)) {
        TimelineEntry returned = entry(sigpipe.at, "call_succeeded", Side::kLocal);
        if (const char* name = syscall_names.find(sigpipe.body.call.number)) {
            returned.detail["syscall"] = name;
        }
        returned.detail["fd"] = static_cast<std::int64_t>(sigpipe.body.call.fd);
        timeline.push_back(std::move(returned));
    }
    if (sigpipe.delivered) {
        TimelineEntry delivered = entry(sigpipe.delivered->at, "sigpipe_delivered", Side::kLocal);
        const SigpipeDelivered& body = sigpipe.delivered->body;
        const char* unless_killed = body.disposition == Disposition::kIgnore ? "ignore" : "handler";
        delivered.detail["disposition"] = body.kills ? "kills" : unless_killed;
        timeline.push_back(std::move(delivered));
    }
}

void add_exit(std::vector<TimelineEntry>& timeline, const Failure& failure) {
    if (!failure.exited) return;
    TimelineEntry told = entry(failure.exited_at, "process_exited", Side::kLocal);
    const int signal = failure.exited->exit_code & 0x7f;
    if (signal != 0) {
        told.detail["signal"] = static_cast<std::int64_t>(signal);
    } else {
        told.detail["status"] = static_cast<std::int64_t>((failure.exited->exit_code >> 8) & 0xff);
    }
    timeline.push_back(std::move(told));
}

}  // namespace

SigpipeFate fate_of(const RaisedSigpipe& sigpipe) {
    // An ignored one is delivered all the same to a debugger's program (sig_ignored()), and after a block.
    const bool acted_on = sigpipe.delivered && (sigpipe.delivered->body.kills ||
                                                sigpipe.delivered->body.disposition != Disposition::kIgnore);
    if (acted_on) return sigpipe.delivered->body.kills ? SigpipeFate::kKilled : SigpipeFate::kHandled;
    if (sigpipe.body.blocked) return SigpipeFate::kBlocked;
    switch (sigpipe.body.disposition) {
        case Disposition::kIgnore: return SigpipeFate::kIgnored;
        case Disposition::kHandler: return SigpipeFate::kHandled;
        case Disposition::kDefault: break;
    }
    // Default and unblocked: ignored only by a process that cannot be killed (init).
    return sigpipe.body.result == 1 ? SigpipeFate::kIgnored : SigpipeFate::kKilled;
}

bool write_succeeded(const RaisedSigpipe& sigpipe) {
    if (sigpipe.body.took_some) return *sigpipe.body.took_some;
    // task->ioac.wchar advances by what the call returned; it is added after the signal is raised.
    return sigpipe.delivered && sigpipe.body.written_bytes &&
           sigpipe.delivered->body.written_bytes > sigpipe.body.written_bytes;
}

bool may_have_moved_some(const FailedCall& first, const SyscallNames& syscall_names) {
    constexpr std::int64_t kPipeBytes = 65'536;
    const char* name = first.syscall != nullptr ? first.syscall : syscall_names.find(first.body.call.number);
    const bool by_parts = name != nullptr && (std::string_view(name) == "sendfile" || std::string_view(name) == "splice");
    return by_parts && first.body.direction == CallDirection::kSend && first.body.call.bytes > kPipeBytes;
}

std::string comm_text(const Comm& comm) { return std::string(comm.view()); }

std::vector<TimelineEntry> timeline_of(const Story& story, const Incident& incident) {
    constexpr std::size_t kUsual = 12;
    std::vector<TimelineEntry> timeline;
    timeline.reserve(kUsual);
    const Connection* own = story.own;
    const std::optional<std::string> why = why_reset(story);
    if (own != nullptr && own->remembered) {
        Ktime seen_by = story.failure->first_at;
        if (own->reset) seen_by = std::min(seen_by, own->reset->at);
        const Ktime write = drawing_write_at(story);
        if (write.known()) seen_by = std::min(seen_by, write);
        add_opening(timeline, *own->remembered);
        if (story.peer != nullptr) {
            add_closure(timeline, story, incident.facts.peer_closure, Side::kPeer);
        }
        add_fin(timeline, *own->remembered, seen_by);
    }
    if (story.other_end != nullptr) {
        add_closure(timeline, story, incident.facts.peer_closure, Side::kPeer);
        add_closure(timeline, story, incident.facts.own_closure, Side::kLocal);
    }
    if (own != nullptr) {
        add_closure(timeline, story, incident.facts.own_closure, Side::kLocal);
        add_drawing_write(timeline, story);
        add_peer_reset(timeline, story, why);
        add_reset(timeline, *own, incident);
        add_filter_drops(timeline, *own);
        add_late_answer(timeline, story);
        add_own_reset(timeline, story, incident);
        add_raised_error(timeline, *own, story.resets_seen);
    }
    for (const RaisedSigpipe& sigpipe : story.failure->sigpipes) {
        add_sigpipe(timeline, sigpipe, *story.syscall_names);
    }
    add_calls(timeline, incident.errors);
    add_exit(timeline, *story.failure);
    std::stable_sort(timeline.begin(), timeline.end(),
                     [](const TimelineEntry& a, const TimelineEntry& b) { return a.at < b.at; });
    return timeline;
}

}  // namespace pipetrace
