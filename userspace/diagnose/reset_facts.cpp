#include "diagnose/reset_facts.h"

namespace pipetrace {
namespace {

/// Straight to CLOSE from a live state: tcp_close() with data unread, or tcp_disconnect(); both send a
/// RST, whose own record may come late.
bool closed_by_abort(const Incident& incident) {
    const Closure& closure = incident.facts.peer_closure;
    const bool answered_later = incident.facts.peer_reset && !incident.facts.peer_reset->active;
    return closure.known() && closure.to == TcpState::kClose && closure.path != ClosePath::kRepair &&
           !answered_later;
}

}  // namespace

bool arrived_in(const Incident& incident, TcpState state) {
    return incident.rst && incident.rst->state == state;
}

bool sent_abort(const Incident& incident) {
    return incident.facts.peer_reset && incident.facts.peer_reset->active;
}

bool peer_aborted(const Incident& incident) { return sent_abort(incident) || closed_by_abort(incident); }

std::uint32_t unread_at_peer(const Incident& incident) {
    if (sent_abort(incident)) return incident.facts.peer_reset->tcp.unread_bytes;
    return closed_by_abort(incident) ? incident.facts.peer_closure.unread_bytes : 0;
}

bool rst_answers_a_segment(const Incident& incident) {
    return !incident.rst->flags || *incident.rst->flags == "RST";
}

std::string not_seen_from_here(const Incident& incident) {
    return incident.facts.peer_on_host ? "" : "the peer is not on this host, which would show it";
}

std::string or_else(std::string first, const char* second) { return first.empty() ? second : first; }

}  // namespace pipetrace
