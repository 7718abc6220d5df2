#include "correlate/other_end.h"

#include <algorithm>
#include <cerrno>

namespace pipetrace {
namespace {

bool met(const std::vector<FailedCall>& calls, int error) {
    return std::any_of(calls.begin(), calls.end(),
                       [&](const FailedCall& call) { return call.body.error == error; });
}

/// The network's part is played by the other end's close: data of ours that it had not read.
bool was_reset(const std::vector<FailedCall>& calls) {
    return met(calls, ECONNRESET) || std::any_of(calls.begin(), calls.end(), [](const FailedCall& call) {
               return call.body.tcp.error == ECONNRESET;
           });
}

/// A datagram socket lets go of a receiver that it finds gone: unix_dgram_sendmsg(), all releases.
bool is_gone(const Story& story, const std::vector<FailedCall>& calls) {
    if (story.other_end == nullptr) return false;
    if (story.other_end->other_end == OtherEnd::kGone) return true;
    const bool sent_to_name = story.names != nullptr && story.names->is_target;
    return story.other_end->socket_type == SocketType::kDatagram && met(calls, ECONNREFUSED) && !sent_to_name;
}

std::optional<PeerAction> unseen_action(const OtherEndSeen& other_end, bool gone) {
    // All who held it have closed it; who had exited with it would have been seen.
    if (gone) return PeerAction::kClose;
    return other_end.own.known() ? std::optional(PeerAction::kNone) : std::nullopt;
}

/// Nothing unread, where something must have been, was not looked at.
bool unread_is_known(const Closure& closure, const std::vector<FailedCall>& calls) {
    if (closure.unread_uncounted) return false;
    return closure.unread_bytes != 0 || closure.path == ClosePath::kListener || !was_reset(calls);
}

/// Who is told of a closed end did not go on holding it: a copy of it was somewhere else. So it is with a
/// child of Java, which holds both ends of its pipe till it begins its program (jspawnhelper).
bool was_last_seen_at_victim(const Story& story, Ktime at) {
    const Closure& closure = story.other_end->closure;
    return closure.by.process == story.failure->task.process && !closure_before(closure, at).known();
}

}  // namespace

std::optional<Peer> peer_at_other_end(const Story& story, Ktime at) {
    const OtherEndSeen& other_end = *story.other_end;
    const Closure closure = closure_before(other_end.closure, at);
    const bool is_unix = story.failure->endpoint.kind == EndpointKind::kUnix;
    if (is_unix && !other_end.closure.by.known()) return std::nullopt;
    if (was_last_seen_at_victim(story, at)) return std::nullopt;
    Peer peer;
    peer.process = involved(other_end.closure.by);
    if (closure.known() || story.failure->endpoint.kind == EndpointKind::kPipe) {
        peer.action = action_of(other_end.closure, story.failure->endpoint.kind, *story.syscall_names);
    } else {
        // Absence proves nothing where records were lost.
        if (story.lost == 0) peer.action = unseen_action(other_end, is_gone(story, story.failure->calls));
    }
    if (peer.action == PeerAction::kKilled) peer.killed_by_signal = other_end.closure.signal;
    if (is_unix && closure.known() && unread_is_known(closure, story.failure->calls)) {
        peer.unread_bytes = closure.unread_bytes;
    }
    return peer;
}

std::optional<FirstClose> first_close_at_other_end(const Story& story, const std::vector<FailedCall>& calls,
                                                   Ktime at) {
    if (story.failure->endpoint.kind == EndpointKind::kPipe) return FirstClose::kPeer;
    if (story.other_end == nullptr) return std::nullopt;
    const Ktime own = closure_before(story.other_end->own, at).at;
    const Ktime other = closure_before(story.other_end->closure, at).at;
    if (own.known() && (!other.known() || own < other)) return FirstClose::kLocal;
    if (other.known() || is_gone(story, calls)) return FirstClose::kPeer;
    const bool is_connected = story.other_end->other_end == OtherEnd::kOpen;
    if (!is_connected) return story.lost == 0 ? std::optional(FirstClose::kNone) : std::nullopt;
    // Of two datagram sockets, neither's shutdown() shows at the other.
    if (story.other_end->socket_type != SocketType::kDatagram || calls.empty()) return std::nullopt;
    return (calls.front().body.tcp.shutdown & kSendShutdown) != 0 ? FirstClose::kLocal : FirstClose::kPeer;
}

void add_other_end_facts(IncidentFacts& facts, const Story& story, const std::vector<FailedCall>& calls,
                         Ktime at) {
    if (story.other_end == nullptr) return;
    facts.peer_on_host = !was_last_seen_at_victim(story, at);
    facts.peer_closure = story.other_end->closure;
    if (story.failure->endpoint.kind != EndpointKind::kUnix) return;
    facts.peer_on_host = story.other_end->closure.by.known();
    facts.peer_closure = closure_before(story.other_end->closure, at);
    facts.own_closure = closure_before(story.other_end->own, at);
    facts.socket_type = story.other_end->socket_type;
    facts.other_end = is_gone(story, calls) ? OtherEnd::kGone : story.other_end->other_end;
    facts.was_reset = was_reset(calls);
    facts.unread_seen = story.unix_unread_seen;
    facts.older_than_trace = story.other_end->before_trace;
    facts.sent_to_name = story.names != nullptr && story.names->is_target;
}

void add_names(EndpointStory& told, const Story& story) {
    if (story.names == nullptr) return;
    if (story.names->local.known()) told.local = story.names->local.text();
    if (story.names->remote.known()) told.remote = story.names->remote.text();
}

}  // namespace pipetrace
