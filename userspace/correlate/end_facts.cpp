#include "correlate/end_facts.h"

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

namespace pipetrace {
namespace {

/// The end's own program had given up sending.
bool is_given_up(TcpState state) {
    return state == TcpState::kFinWait1 || state == TcpState::kFinWait2 || state == TcpState::kClosing ||
           state == TcpState::kLastAck;
}

/// The state that the network ended it in, which it must have done.
TcpState state_at_end(const Connection& connection) {
    return connection.reset ? connection.reset->body.endpoint.state : state_at_error(connection);
}

/// An end that its program had given up, and that nobody is known to hold: of which nothing is remembered (it
/// was told of with the story of its other end, or what was remembered is lost), or nothing from before the
/// trace.
bool may_have_left(const Connection& connection) {
    if (!connection.remembered) return !connection.reset || is_given_up(state_at_end(connection));
    const EndpointRemembered& remembered = *connection.remembered;
    const bool is_known = remembered.opened.known() || remembered.owner.known() || connection.closure.known();
    return !is_known && is_given_up(state_at_end(connection));
}

/// Of a failure before the FIN: one that the connection outlived, say. What comes later is no part of it.
bool is_told_without_fin(const Connection& connection) {
    return connection.remembered && !connection.remembered->fin_seen && (connection.told || connection.error);
}

bool is_same_kind(const RaisedSigpipe& met, Tid tid, std::uint16_t call_number, bool took_some) {
    return met.task.tid == tid && met.body.call.number == call_number &&
           met.body.took_some.value_or(false) == took_some;
}

bool is_connect(const SyscallNames& syscall_names, std::uint16_t number) {
    const char* text = syscall_names.find(number);
    return text != nullptr && std::string_view(text) == "connect";
}

}  // namespace

bool note_reset(Connection& connection, const Event& event, const ResetReceived& body) {
    if (connection.reset) return false;
    connection.reset = Stamped<ResetReceived>{event.at, event.task, body};
    connection.reset_in_doubt = is_reset_in_doubt(body);
    if (!connection.reset_in_doubt) {
        // It had outlived an earlier error: of ICMP, to a socket that asks for those (IP_RECVERR).
        connection.error.reset();
        connection.error_taken = false;
    }
    return true;
}

void note_reset_sent(Connection& connection, const ResetSent& body) {
    if (body.active && !is_ended_by_network(connection)) connection.aborted_here = true;
    if (!body.active && connection.reset_in_doubt) connection.reset.reset();
}

/// The aborter's own socket gets a report too (tcp_disconnect). With another error it was the kernel that
/// sent the RST: keepalive gave up, or SOCK_DESTROY.
bool note_error(Connection& connection, const Event& event, const ErrorRaised& body) {
    if (connection.aborted_here && !connection.reset && body.tcp.error == ECONNRESET) return false;
    connection.aborted_here = false;
    if (!connection.error) connection.error = Stamped<ErrorRaised>{event.at, event.task, body};
    return true;
}

void note_remembered(Connection& connection, const EndpointRemembered& body) {
    const Task holder = connection.remembered ? connection.remembered->owner : Task{};
    const bool fin_came_after = is_told_without_fin(connection);
    connection.remembered = body;
    if (fin_came_after) {
        connection.remembered->fin_seen = false;
        connection.remembered->fin_received = {};
    }
    if (!body.owner.known()) connection.remembered->owner = holder;  // whose call had failed on it
    note_closure(connection, body.closure);
}

void note_closure(Connection& connection, const Closure& closure) {
    if (!connection.closure.known()) connection.closure = closure;
}

bool note_destroyed(Connection& connection, const Event& event, const EndpointDestroyed& body) {
    if (connection.destroyed) return false;
    connection.destroyed = true;
    connection.destroyed_at = event.at;
    connection.destroyed_by = event.task;
    connection.error_at_destroy = body.tcp.error;
    return true;
}

void note_holder(Connection& connection, const Task& task) {
    if (connection.remembered && !connection.remembered->owner.known()) connection.remembered->owner = task;
}

bool is_ended_by_network(const Connection& connection) {
    // Its own program's close under TCP_REPAIR reports an error too (tcp_disconnect()).
    const Closure& closure = connection.closure;
    const bool by_own_program = closure.known() && closure.path == ClosePath::kRepair;
    return (connection.error && !by_own_program) || (connection.reset && !connection.reset_in_doubt);
}

Ktime silent_end_of(const Connection& connection) {
    if (connection.reset) return connection.reset_in_doubt ? Ktime{} : connection.reset->at;
    return connection.error ? connection.error->at : Ktime{};
}

bool is_silent_end(const Connection& connection) {
    const Ktime ended_at = silent_end_of(connection);
    if (!ended_at.known() || connection.told || connection.aborted_here) return false;
    if (may_have_left(connection)) return false;
    const bool destroyed = connection.closure.path == ClosePath::kDestroyed;
    const Ktime closed_at = destroyed ? Ktime{} : connection.closure.at;
    const bool fin_seen = connection.remembered && connection.remembered->fin_seen;
    const bool may_be_noticed =
        connection.reset && (fin_seen || (connection.reset->body.tcp.shutdown & kReceiveShutdown) == 0);
    return !(closed_at.known() && closed_at <= ended_at && !may_be_noticed);
}

bool may_be_own_abort(const Connection& connection) {
    const int error = pending_error(connection);
    return !connection.reset && (error == ECONNRESET || (error == ECONNABORTED && !connection.remembered));
}

Task last_holder(const Connection& connection) {
    // Who destroys a socket from outside does not hold it.
    const bool by_holder = connection.closure.path != ClosePath::kDestroyed;
    if (by_holder && connection.closure.by.known()) return connection.closure.by;
    if (connection.destroyed_by.known()) return connection.destroyed_by;
    return connection.remembered ? connection.remembered->owner : Task{};
}

int pending_error(const Connection& connection) {
    if (connection.error) return connection.error->body.tcp.error;
    if (!connection.reset || connection.reset_in_doubt || connection.reset->body.is_subflow) return 0;
    switch (connection.reset->body.endpoint.state) {  // tcp_reset(), all releases
        case TcpState::kSynSent: return ECONNREFUSED;
        case TcpState::kCloseWait: return EPIPE;
        default: return ECONNRESET;
    }
}

bool is_error_left(const Connection& connection) {
    return pending_error(connection) != 0 && !connection.error_taken;
}

FailedCall inferred_call(const Connection& connection, Ktime at, const Task& task, const char* syscall) {
    CallFailed call;
    call.endpoint = connection.endpoint;
    call.error = pending_error(connection);
    if (connection.reset) {
        call.tcp = connection.reset->body.tcp;
    } else if (connection.error) {
        call.tcp = connection.error->body.tcp;
    }
    Task unknown_thread = task;
    unknown_thread.tid = 0;
    return FailedCall{at, unknown_thread, call, 1, true, syscall};
}

std::optional<CallFailed> failed_connect(const Connection& connection, const Event& event,
                                         const ErrorRaised& body, const SyscallNames& syscall_names) {
    if (!event.task.known() || !is_connect(syscall_names, body.call.number)) return std::nullopt;
    CallFailed call;
    call.error = pending_error(connection);
    if (call.error == 0) return std::nullopt;
    call.endpoint = connection.endpoint;
    call.tcp = connection.error ? connection.error->body.tcp : body.tcp;
    call.call = body.call;
    return call;
}

bool is_reset_by(const OtherEndSeen& other, Ktime at) {
    const bool reset = other.closure.unread_bytes != 0 || other.closure.unread_uncounted;
    return reset && other.socket_type != SocketType::kDatagram && other.closure.at <= at;
}

FailedCall inferred_reset(const Endpoint& endpoint, Ktime at, const Task& task, const char* syscall) {
    CallFailed call;
    call.endpoint = endpoint;
    call.error = ECONNRESET;
    Task unknown_thread = task;
    unknown_thread.tid = 0;
    return FailedCall{at, unknown_thread, call, 1, true, syscall};
}

bool was_told(const Failure& failure, int error) {
    return std::any_of(failure.calls.begin(), failure.calls.end(),
                       [&](const FailedCall& call) { return call.body.error == error; });
}

void forget_inferred_call(Failure& failure, int error) {
    const auto forgotten = std::erase_if(
        failure.calls, [&](const FailedCall& call) { return call.inferred && call.body.error == error; });
    failure.changed |= forgotten != 0;
}

void add_failed_call(Failure& failure, const FailedCall& call) {
    failure.changed = true;
    for (FailedCall& met : failure.calls) {
        const bool same = met.task.tid == call.task.tid && met.body.error == call.body.error &&
                          met.body.call.number == call.body.call.number && met.inferred == call.inferred;
        if (!same) continue;
        ++met.count;
        return;
    }
    if (failure.calls.size() >= kCallKindsMax) {
        ++failure.calls.back().count;
        return;
    }
    if (failure.calls.empty()) failure.calls.reserve(2);  // ECONNRESET, then EPIPE
    failure.calls.push_back(call);
}

/// Where the kernel programs have no place to count a repeat in, it comes as the first one did.
void add_raised_sigpipe(Failure& failure, const Event& event, const SigpipeGenerated& body) {
    failure.changed = true;
    for (RaisedSigpipe& met : failure.sigpipes) {
        const bool same_fate = met.body.disposition == body.disposition && met.body.blocked == body.blocked &&
                               met.body.result == body.result;
        const bool took_some = body.took_some.value_or(false);
        if (!same_fate || !is_same_kind(met, event.task.tid, body.call.number, took_some)) continue;
        ++met.count;
        return;
    }
    if (failure.sigpipes.size() < kCallKindsMax) {
        failure.sigpipes.push_back(RaisedSigpipe{event.at, event.task, body, 1, std::nullopt});
    } else {
        ++failure.sigpipes.back().count;
    }
}

RaisedSigpipe* add_delivery(Failure& failure, const Event& event, const SigpipeDelivered& body) {
    for (auto sigpipe = failure.sigpipes.rbegin(); sigpipe != failure.sigpipes.rend(); ++sigpipe) {
        if (sigpipe->delivered || sigpipe->task.tid != event.task.tid) continue;
        sigpipe->delivered = Stamped<SigpipeDelivered>{event.at, event.task, body};
        failure.changed = true;
        return &*sigpipe;
    }
    return nullptr;
}

bool is_met_by(const Failure& failure, Tid tid) {
    const auto is_its = [tid](const auto& met) { return met.task.tid == tid; };
    return std::ranges::any_of(failure.calls, is_its) || std::ranges::any_of(failure.sigpipes, is_its);
}

bool raise_count(Failure& failure, const FailureCount& count) {
    const auto raise = [&](auto& met) {
        if (met.counted >= count.count) return false;
        met.count += count.count - std::exchange(met.counted, count.count);
        return true;
    };
    bool raised = false;
    if (count.is_sigpipe) {
        // One of a kind: what else is told of the same kind is not in the count.
        for (RaisedSigpipe& sigpipe : failure.sigpipes) {
            if (is_same_kind(sigpipe, count.tid, count.call_number, count.took_some)) return raise(sigpipe);
        }
        return false;
    }
    for (FailedCall& call : failure.calls) {
        const bool is_met = call.task.tid == count.tid && call.body.call.number == count.call_number;
        raised |= is_met && call.body.error == count.error && raise(call);
    }
    return raised;
}

}  // namespace pipetrace
