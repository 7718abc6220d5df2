// The peer fell silent, or the network said that it cannot be reached.
#include "diagnose/rules.h"

#include "diagnose/wording.h"
#include "model/errno_name.h"
#include "model/quantity_text.h"

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

namespace pipetrace {
namespace {

using MaybeConfidence = std::optional<Confidence>;

std::string remote_name(const Incident& incident) { return incident.endpoint.remote.value_or("the peer"); }

bool was_told(const Incident& incident, int error) {
    return std::any_of(incident.errors.begin(), incident.errors.end(),
                       [error](const CallError& told) { return told.error == error; });
}

bool timed_out(const Incident& incident) {
    return incident.facts.pending_error == ETIMEDOUT ||
           (incident.facts.pending_error == 0 && was_told(incident, ETIMEDOUT));
}

/// Which of the kernel's timers gave up (tcp_write_timeout, tcp_probe_timer, tcp_keepalive_timer). The
/// fields are those that tcp_write_err() leaves alone in every release, 5.10 to 7.2.
enum class Limit { kNone, kUser, kKeepalive, kRetransmission };

/// The handshake did not end.
bool never_answered(const Incident& incident) {
    return incident.endpoint.state == TcpState::kSynSent || !incident.facts.was_established;
}

/// SYNs are counted too (tcp_syn_retries), whatever limit the program set beside that.
bool syns_ran_out(const Incident& incident) {
    const auto& age_us = incident.facts.age_at_error_us;
    const std::uint64_t limit_us = std::uint64_t{incident.facts.at_error->user_timeout_ms} * 1000;
    return never_answered(incident) && age_us && *age_us < limit_us;
}

Limit limit_of(const Incident& incident) {
    if (!timed_out(incident) || !incident.facts.at_error) return Limit::kNone;
    const TcpFacts& tcp = *incident.facts.at_error;
    // Which of the two limits a SYN met shows by its age.
    const bool age_lost = incident.lost > 0 && never_answered(incident) && !incident.facts.age_at_error_us;
    if (tcp.user_timeout_ms != 0 && age_lost) return Limit::kNone;
    if (tcp.user_timeout_ms != 0) return syns_ran_out(incident) ? Limit::kRetransmission : Limit::kUser;
    const bool all_acknowledged = tcp.bytes_acked == tcp.bytes_sent && tcp.unsent_bytes == 0;
    if (tcp.keepalive && tcp.probes_out > 0 && all_acknowledged) return Limit::kKeepalive;
    return Limit::kRetransmission;
}

MaybeConfidence if_limit(const Incident& incident, Limit limit) {
    return limit_of(incident) == limit ? MaybeConfidence(Confidence::kCertain) : std::nullopt;
}

/// "; packets of it were dropped by ...", where that is why nothing was heard.
std::string filter_text(const Incident& incident) {
    const auto& filtered = incident.facts.filtered;
    if (!filtered) return "";
    return fmt::format(" A packet filter on this host dropped {} of its segments.", filtered->count);
}

std::string silence_text(const Incident& incident) {
    const auto& ago = incident.facts.at_error->last_received_ago_us;
    return ago ? fmt::format("nothing had come from {} for {}", remote_name(incident), duration_text(*ago))
               : fmt::format("nothing came from {}", remote_name(incident));
}

// --- user_timeout ---

/// Unanswered probes of a closed window are counted as well (tcp_retries2).
bool probes_may_have_run_out(const TcpFacts& tcp) {
    const bool probes = tcp.probes_out > 0 && tcp.timeouts == 0 && tcp.unsent_bytes > 0;
    const std::uint64_t limit_us = std::uint64_t{tcp.user_timeout_ms} * 1000;
    return probes && tcp.last_received_ago_us && *tcp.last_received_ago_us < limit_us;
}

MaybeConfidence user_applies(const Incident& incident) {
    if (limit_of(incident) != Limit::kUser) return std::nullopt;
    return probes_may_have_run_out(*incident.facts.at_error) ? Confidence::kLikely : Confidence::kCertain;
}
std::string user_why_not(const Incident& incident) {
    if (!timed_out(incident)) return "the socket did not time out";
    const bool is_set = incident.facts.at_error && incident.facts.at_error->user_timeout_ms != 0;
    return is_set ? "it had not passed yet" : "the program had set no TCP_USER_TIMEOUT";
}
std::string user_summary(const Incident& incident) {
    return fmt::format("The limit that {} set with TCP_USER_TIMEOUT ({}) ended the connection: {}.{}",
                       victim_name(incident),
                       duration_text(std::uint64_t{incident.facts.at_error->user_timeout_ms} * 1000),
                       silence_text(incident), filter_text(incident));
}
std::string user_advice(const Incident& incident) {
    return "Look at the way and the host; if ordinary disturbances last as long, raise the limit." +
           sigpipe_advice(incident);
}

// --- keepalive_timeout ---

MaybeConfidence keepalive_applies(const Incident& incident) { return if_limit(incident, Limit::kKeepalive); }
std::string keepalive_why_not(const Incident& incident) {
    return timed_out(incident) ? "not keepalive's probes, but data went unanswered" : "the socket did not time out";
}
std::string keepalive_summary(const Incident& incident) {
    const int probes = incident.facts.at_error->probes_out;
    return fmt::format("{} answered {}, so the kernel of {} gave the connection up: {}.{}",
                       remote_name(incident),
                       probes == 1 ? "no keepalive probe" : fmt::format("none of {} keepalive probes", probes),
                       victim_name(incident), silence_text(incident), filter_text(incident));
}
std::string keepalive_advice(const Incident& incident) {
    return "The host is down, or something on the way forgot the connection: connect again." +
           sigpipe_advice(incident);
}

// --- retransmission_timeout ---

MaybeConfidence retransmission_applies(const Incident& incident) {
    return if_limit(incident, Limit::kRetransmission);
}
std::string retransmission_why_not(const Incident& incident) {
    return timed_out(incident) ? "another limit passed first" : "the socket did not time out";
}
std::string retransmission_summary(const Incident& incident) {
    const TcpFacts& tcp = *incident.facts.at_error;
    if (never_answered(incident)) {
        return fmt::format("{} never answered: the SYN of {} was sent {} times.{}", remote_name(incident),
                           victim_name(incident), tcp.timeouts + 1, filter_text(incident));
    }
    if (tcp.probes_out > 0 && tcp.timeouts == 0) {
        return fmt::format("{} kept its window closed with {} waiting and no longer answered the probes of {}'s "
                           "kernel, which gave up.{}",
                           remote_name(incident), byte_count_text(tcp.unsent_bytes), victim_name(incident),
                           filter_text(incident));
    }
    return fmt::format("{} fell silent: {} of {} were never acknowledged, through {}; {}.{}",
                       remote_name(incident),
                       byte_count_text(static_cast<std::int64_t>(tcp.bytes_sent - tcp.bytes_acked)),
                       victim_name(incident),
                       tcp.timeouts == 1 ? "a timeout" : fmt::format("{} timeouts in a row", tcp.timeouts),
                       silence_text(incident), filter_text(incident));
}
std::string retransmission_advice(const Incident& incident) {
    return "Look at the way and the host: it is down, or packets are dropped without a word. To notice sooner, "
           "set TCP_USER_TIMEOUT." +
           sigpipe_advice(incident);
}

// --- unreachable ---

/// What tcp_v4_err() and tcp_v6_err() make of ICMP (icmp_err_convert); a RST gives none of the first ones.
MaybeConfidence unreachable_applies(const Incident& incident) {
    const int error = incident.facts.pending_error != 0 ? incident.facts.pending_error
                      : incident.errors.empty()         ? 0
                                                        : incident.errors.front().error;
    // A connection outlives a warning; what ended it may be lost.
    const bool ended_otherwise = incident.facts.pending_error == 0 || was_told(incident, ECONNRESET);
    if (incident.lost > 0 && ended_otherwise) return std::nullopt;
    switch (error) {
        case EHOSTUNREACH:
        case ENETUNREACH:
        case EHOSTDOWN:
        case ENONET:
        case ENOPROTOOPT:
        case EOPNOTSUPP:
        case EPROTO:
        case EACCES: return Confidence::kCertain;
        case ECONNREFUSED:  // port unreachable: a RST would have been seen
            return incident.lost == 0 && incident.facts.resets_seen ? MaybeConfidence(Confidence::kCertain) : std::nullopt;
        default: return std::nullopt;
    }
}
std::string unreachable_why_not(const Incident& incident) {
    return incident.lost == 0 ? "no ICMP error was reported to the socket"
                              : "events were lost, and a RST may be among them";
}
std::string unreachable_summary(const Incident& incident) {
    const int error = incident.facts.pending_error != 0 ? incident.facts.pending_error
                                                        : incident.errors.front().error;
    return fmt::format("The network said by ICMP that {} cannot be reached ({}); no RST {}.{}",
                       remote_name(incident),
                       error == ECONNREFUSED ? "port unreachable, told as ECONNREFUSED" : errno_name(error),
                       incident.lost == 0 && incident.facts.resets_seen ? "came" : "was seen", filter_text(incident));
}
std::string unreachable_advice(const Incident& incident) {
    return "Here: `ip route get` and the neighbour's address; then traceroute, and look for reject rules on the "
           "way." +
           sigpipe_advice(incident);
}

}  // namespace

Rule user_timeout_rule() {
    return {Cause::kUserTimeout, {Family::kTcpNoReset}, Severity::kFault, user_applies, user_why_not,
            user_summary, user_advice, "network:error_raised network:packet_filtered local:call_failed"};
}

Rule keepalive_timeout_rule() {
    return {Cause::kKeepaliveTimeout, {Family::kTcpNoReset}, Severity::kFault, keepalive_applies,
            keepalive_why_not, keepalive_summary, keepalive_advice,
            "network:error_raised network:packet_filtered local:call_failed"};
}

Rule retransmission_timeout_rule() {
    return {Cause::kRetransmissionTimeout, {Family::kTcpNoReset}, Severity::kFault, retransmission_applies,
            retransmission_why_not, retransmission_summary, retransmission_advice,
            "network:error_raised network:packet_filtered local:call_failed"};
}

Rule unreachable_rule() {
    return {Cause::kUnreachable, {Family::kTcpNoReset}, Severity::kFault, unreachable_applies,
            unreachable_why_not, unreachable_summary, unreachable_advice, "network:error_raised local:call_failed"};
}

}  // namespace pipetrace
