#include "diagnose/reset_facts.h"

#include "model/reset_reason.h"

namespace pipetrace {
namespace {

/// Straight to CLOSE from a live state: tcp_close() with data unread, or tcp_disconnect(); both send a
/// RST, whose own record may come late. Where that one was lost on the way, what came is the answer to a
/// later segment, and the abort is still why.
bool closed_by_abort(const Incident& incident) {
    const Closure& closure = incident.facts.peer_closure;
    if (!closure.known() || closure.to != TcpState::kClose || closure.path == ClosePath::kRepair) return false;
    const bool answered_later = incident.facts.peer_reset && !incident.facts.peer_reset->active;
    const bool says_why = closure.path != ClosePath::kClose || closure.unread_bytes != 0;
    return says_why || !(answered_later || records_lost(incident));
}

}  // namespace

bool records_lost(const Incident& incident) { return incident.lost > 0; }

bool arrived_in(const Incident& incident, TcpState state) {
    return incident.rst && incident.rst->state == state;
}

bool arrived_after_fin(const Incident& incident) {
    return arrived_in(incident, TcpState::kCloseWait) || arrived_in(incident, TcpState::kLastAck);
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

bool seen_to_forget(const Incident& incident) {
    const Closure& closure = incident.facts.peer_closure;
    return closure.known() && closure.path == ClosePath::kRepair && incident.facts.peer_reset;
}

bool abort_may_be_lost(const Incident& incident) {
    if (!records_lost(incident) || incident.facts.peer_reset) return false;
    return !incident.rst->flags || !rst_answers_a_segment(incident);
}

bool gave_up_waiting(const ResetSent& sent, const Closure& closure) {
    const bool in_order = closure.known() && closure.to != TcpState::kClose;
    return sent.active && in_order && sent.endpoint.state == TcpState::kEstablished;
}

bool peer_gave_up_waiting(const Incident& incident) {
    return sent_abort(incident) && gave_up_waiting(*incident.facts.peer_reset, incident.facts.peer_closure);
}

bool peer_may_have_given_up(const Incident& incident) {
    const bool close_unseen = records_lost(incident) || incident.facts.older_than_trace;
    return sent_abort(incident) && close_unseen && !incident.facts.peer_closure.known() &&
           incident.facts.peer_reset->endpoint.state == TcpState::kEstablished;
}

bool kernel_gave_up(const Incident& incident) {
    if (!sent_abort(incident)) return false;
    const int reason = incident.facts.peer_reset->reason.value_or(kResetNotSpecified);
    return reason == kResetAbortOnMemory || reason == kResetKeepaliveTimeout;
}

bool nothing_under_way(const Incident& incident) {
    const EndpointStory& endpoint = incident.endpoint;
    return endpoint.bytes_sent && endpoint.bytes_acked && *endpoint.bytes_sent <= *endpoint.bytes_acked;
}

bool met_by_last_fin(const Incident& incident) {
    const bool is_answer = (incident.facts.peer_reset && !incident.facts.peer_reset->active) ||
                           (incident.rst && incident.rst->flags == "RST");
    return arrived_in(incident, TcpState::kLastAck) && nothing_under_way(incident) && is_answer &&
           incident.facts.sent_after_fin == false;
}

bool closed_by_exit(const Closure& closure) {
    return closure.known() && closure.exiting && closure.signal == 0;
}

Ktime fin_received_at(const Incident& incident) {
    for (const TimelineEntry& entry : incident.timeline) {
        if (entry.event == "fin_received" && entry.time_known) return entry.at;
    }
    return {};
}

std::string not_seen_from_here(const Incident& incident) {
    return incident.facts.peer_on_host || incident.facts.peer_on_other_host ? "" : "the peer is not on this host, which would show it";
}

std::string or_else(std::string first, const char* second) { return first.empty() ? second : first; }

}  // namespace pipetrace
