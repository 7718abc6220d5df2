// What the facts of a RST say, for the rules that judge by them.
#pragma once

#include "model/incident.h"

#include <string>

namespace pipetrace {

/// What was not seen may have been all the same.
bool records_lost(const Incident& incident);

bool arrived_in(const Incident& incident, TcpState state);

/// The peer's FIN had come, whether or not this end has closed since.
bool arrived_after_fin(const Incident& incident);

/// The other end's kernel reset its own connection, rather than answering a segment.
bool peer_aborted(const Incident& incident);
/// A hook saw that RST leave.
bool sent_abort(const Incident& incident);
std::uint32_t unread_at_peer(const Incident& incident);

/// RST|ACK at the expected sequence is an owner's abort; a bare RST answers a segment. True where the
/// packet was not seen.
bool rst_answers_a_segment(const Incident& incident);

/// The other end was closed under TCP_REPAIR, which sends nothing, and its kernel answered what came later.
bool seen_to_forget(const Incident& incident);
/// That the peer's kernel had aborted its end may be what was lost, and the RST itself does not say.
bool abort_may_be_lost(const Incident& incident);

/// Its program had closed it in order, and its kernel gave it up while TCP's connection still stood: a subflow of
/// MPTCP, whose other end had not closed within a minute (mptcp_worker(), 6.1 to 7.2).
bool gave_up_waiting(const ResetSent& sent, const Closure& closure);
bool peer_gave_up_waiting(const Incident& incident);
/// The same, where the close itself was not seen.
bool peer_may_have_given_up(const Incident& incident);

/// The peer's kernel reset the connection by itself, no program asked for it.
bool kernel_gave_up(const Incident& incident);

/// All that was sent is acknowledged. A RST that answers data comes in the place of its acknowledgement: one
/// that comes now is the peer's own abort, as of an end that had only been half-closed.
bool nothing_under_way(const Incident& incident);

/// The peer had closed before, and the RST was seen to answer this end's own FIN, with no data under way.
bool met_by_last_fin(const Incident& incident);

/// The end was closed in order, or with a RST, because its process ended by itself.
bool closed_by_exit(const Closure& closure);

/// When the peer's FIN came: unknown where before the trace, or not at all.
Ktime fin_received_at(const Incident& incident);

/// Why nothing can be said of the peer's acts, "" if it was seen; for rejected rivals.
std::string not_seen_from_here(const Incident& incident);
std::string or_else(std::string first, const char* second);

}  // namespace pipetrace
