// Turns what is known of one failure into an Incident: who, what was told, in which order.
#pragma once

#include "correlate/connection_table.h"
#include "correlate/failure.h"
#include "model/incident.h"
#include "model/syscall_names.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace pipetrace {

/// Everything that bears on one failure. Only `failure` is required.
struct Story {
    const Failure* failure = nullptr;
    const Connection* own = nullptr;
    const Connection* peer = nullptr;
    const Stamped<ResetSent>* peer_reset = nullptr;  ///< the RST as it left, if this host sent it
    const OtherEndSeen* other_end = nullptr;         ///< of a pipe or unix socket
    bool unix_unread_seen = false;                   ///< whoever closes one with data unread is seen
    const UnixNamed* names = nullptr;                ///< of a unix socket and its other end
    const Stamped<ResetSent>* late_answer = nullptr;  ///< our RST to a segment that came after the peer's
    const SyscallNames* syscall_names = &SyscallNames::none();
    bool receives_seen = false;
    bool sends_seen =
        false;  ///< of the endpoint's kind: a hook sees each failed send, so that none was suppressed unseen
    bool resets_sent_seen = false;  ///< each RST that this host sends is seen
    bool resets_seen = true;        ///< likewise each that it receives
    bool sigpipes_seen = true;      ///< and each SIGPIPE
    std::uint64_t resets_sent_count = 0;  ///< of an origin incident: how often this end's RST left; else 0
    std::uint64_t idle_after_us = 0;
    std::uint64_t lost = 0;  ///< events, while it ran: what was not seen may have been all the same
    std::uint64_t signals_lost = 0;  ///< of them, what can have told of a SIGPIPE
};

/// What the program was told: its failed calls, in order, and what became of its SIGPIPEs.
struct ToldErrors {
    std::vector<FailedCall> calls;
    std::optional<SigpipeFate> sigpipe;
};
ToldErrors told_errors(const Story& story);

/// All but id and revision.
Incident tell(const Story& story);

/// Whether a send or receive that takes this error is seen (pt_is_connection_error): healthy ones return EACCES and
/// EOPNOTSUPP too, so those are not looked at.
bool is_seen_in_calls(int error);

/// How the other end was given up, if that was before `at`.
Closure other_closure(const Story& story, Ktime at);

/// What was done after the failure has no part in it.
Closure closure_before(const Closure& closure, Ktime at);

InvolvedProcess involved(const Task& task);

/// How an end was given up, in the contract's words.
PeerAction action_of(const Closure& closure, EndpointKind kind, const SyscallNames& syscall_names);

/// Why the RST was sent, as the kernel of the other end knows it.
std::optional<std::string> why_reset(const Story& story);

}  // namespace pipetrace
