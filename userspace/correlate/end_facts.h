// What each event adds to what is known of one end and of one failure, and what follows from that end's own
// facts: the same for failures that are told and for those that are only counted. Pure.
#pragma once

#include "correlate/connection_table.h"
#include "correlate/failure.h"
#include "model/event.h"
#include "model/syscall_names.h"

#include <optional>

namespace pipetrace {

/// False where it had met one before.
bool note_reset(Connection& connection, const Event& event, const ResetReceived& body);
void note_reset_sent(Connection& connection, const ResetSent& body);
/// Of an error that is pending. False where that is its own program's doing.
bool note_error(Connection& connection, const Event& event, const ErrorRaised& body);
void note_remembered(Connection& connection, const EndpointRemembered& body);
void note_closure(Connection& connection, const Closure& closure);
/// False where it had ended before.
bool note_destroyed(Connection& connection, const Event& event, const EndpointDestroyed& body);
/// Who uses an end holds it: no hook shows who accepted it in tracepoint mode.
void note_holder(Connection& connection, const Task& task);

bool is_ended_by_network(const Connection& connection);
/// When the network ended it; unknown if it did not.
Ktime silent_end_of(const Connection& connection);
/// A RST, or another end by the network, that no program was told of by a call that we saw. Not where the
/// program itself had closed first and left: then nobody is there to be told, and nothing went wrong for it.
bool is_silent_end(const Connection& connection);
/// Its program's own disconnect would leave the same error.
bool may_be_own_abort(const Connection& connection);
/// A server that forks accepts for others: who closed it comes first.
Task last_holder(const Connection& connection);

/// The error that the network left pending on the socket, 0 if none.
int pending_error(const Connection& connection);
/// The network left an error that no call was seen to take.
bool is_error_left(const Connection& connection);
/// The call that took it, unseen. `syscall`: where it is known without a number.
FailedCall inferred_call(const Connection& connection, Ktime at, const Task& task, const char* syscall);
/// connect() that reports the pending error: the report with none says so.
std::optional<CallFailed> failed_connect(const Connection& connection, const Event& event,
                                         const ErrorRaised& body, const SyscallNames& syscall_names);

/// The other end of a unix socket was closed before `at` with data unread, which leaves ECONNRESET.
bool is_reset_by(const OtherEndSeen& other, Ktime at);
/// The call that took that, unseen.
FailedCall inferred_reset(const Endpoint& endpoint, Ktime at, const Task& task, const char* syscall);
bool was_told(const Failure& failure, int error);
/// Only one call takes a pending error, and another was seen to.
void forget_inferred_call(Failure& failure, int error);

void add_failed_call(Failure& failure, const FailedCall& call);
void add_raised_sigpipe(Failure& failure, const Event& event, const SigpipeGenerated& body);
/// The SIGPIPE that this delivery is of; null where none of the thread's waits.
RaisedSigpipe* add_delivery(Failure& failure, const Event& event, const SigpipeDelivered& body);
/// The thread is one of those whose failures these are: others count theirs on the same endpoint.
bool is_met_by(const Failure& failure, Tid tid);
/// Takes over the kernel programs' count of repeats; false where it says nothing new.
bool raise_count(Failure& failure, const FailureCount& count);

}  // namespace pipetrace
