// Who stands between the two ends: a packet filter here, a forger, a device that forgot the connection.
#include "diagnose/rules.h"

#include "diagnose/reset_facts.h"
#include "diagnose/wording.h"
#include "model/quantity_text.h"

#include <algorithm>

#include <fmt/format.h>

namespace pipetrace {
namespace {

using MaybeConfidence = std::optional<Confidence>;

constexpr const char* kSenderMayBeLost = "events were lost, and who sent the RST may be among them";

/// The peer's own kernel sent it, or may have: the record of that is as easily lost as another.
bool may_be_the_peers(const Incident& incident) { return incident.facts.peer_reset || records_lost(incident); }

std::string remote_name(const Incident& incident) { return incident.endpoint.remote.value_or("the peer"); }

// --- firewall_reset ---

/// A filter that answers with a RST drops the segment at once; the RST may wait for the socket's lock.
constexpr std::uint64_t kFilterToRstNsMax = 1'000'000'000;
constexpr std::uint64_t kFilterToRstNsSure = 20'000'000;
/// Where nothing but the time speaks for it.
constexpr std::uint64_t kFilterToRstNsUnseen = 5'000'000;
constexpr std::uint64_t kRstToFilterNsMax = 20'000'000;

/// A filter's RST acknowledges a SYN alone: nf_reject_ip_tcphdr_put(), 5.10 to 7.2.
bool could_be_a_filters(const Incident& incident) {
    return arrived_in(incident, TcpState::kSynSent) || rst_answers_a_segment(incident);
}

/// Else the peer's own may have come just as the filter dropped something.
bool is_no_abort(const Incident& incident) {
    return arrived_in(incident, TcpState::kSynSent) || incident.facts.rst_packet ||
           incident.facts.sent_by_nobody_here;
}

MaybeConfidence firewall_applies(const Incident& incident) {
    const auto& filtered = incident.facts.filtered;
    if (!incident.rst || !filtered || may_be_the_peers(incident)) return std::nullopt;
    if (!could_be_a_filters(incident) || peer_aborted(incident)) return std::nullopt;
    const Ktime rst = incident.rst->at;
    const Ktime drop = filtered->last;
    if (drop > rst) {
        return drop.ns - rst.ns <= kRstToFilterNsMax ? MaybeConfidence(Confidence::kLikely) : std::nullopt;
    }
    const std::uint64_t passed = rst.ns - drop.ns;
    if (passed > (is_no_abort(incident) ? kFilterToRstNsMax : kFilterToRstNsUnseen)) return std::nullopt;
    return passed <= kFilterToRstNsSure && is_no_abort(incident) ? Confidence::kCertain : Confidence::kLikely;
}
std::string firewall_why_not(const Incident& incident) {
    if (records_lost(incident)) return kSenderMayBeLost;
    if (!incident.facts.filtered) return "no packet filter of this host dropped a packet of it";
    if (incident.facts.peer_reset || peer_aborted(incident)) return "the peer's own kernel sent the RST";
    if (incident.rst && !could_be_a_filters(incident)) {
        return "the RST acknowledges, as an end's own does; a packet filter's is bare";
    }
    return "the packet filter's drop and the RST are far apart in time";
}
std::string firewall_summary(const Incident& incident) {
    const IncidentFacts& facts = incident.facts;
    if (arrived_in(incident, TcpState::kSynSent)) {
        return fmt::format(
            "A packet filter on this host rejected the connection of {} to {}: it answered the SYN "
            "with a RST in the peer's name.",
            victim_name(incident), remote_name(incident));
    }
    const bool any_closed = facts.fin_received || facts.peer_closure.known() || facts.own_closure.known();
    return fmt::format(
        "A packet filter on this host rejected what {} sent to {} and answered it with a RST "
        "in the peer's name{}.",
        victim_name(incident), remote_name(incident),
        any_closed ? "" : "; neither end had closed the connection");
}
std::string firewall_advice(const Incident& incident) {
    return "Find the rule: `nft list ruleset`, `iptables-save -c`, for `reject with tcp reset`; allow this "
           "traffic, or let the program take a refusal." +
           sigpipe_advice(incident);
}

// --- forged_reset ---

bool ttl_differs(const Incident& incident) {
    const auto& packet = incident.facts.rst_packet;
    return packet && packet->ttl != 0 && packet->handshake_ttl != 0 && packet->ttl != packet->handshake_ttl;
}

/// A bare RST answers what was sent, and no answer comes sooner than the way there and back takes.
bool came_too_soon(const Incident& incident) {
    constexpr std::uint64_t kRttUsMin = 2'000;  // below, timers and softirqs blur it
    const auto& delay = incident.facts.rst_delay_us;
    const auto& rtt = incident.endpoint.rtt_us;
    return incident.facts.rst_packet && rst_answers_a_segment(incident) && delay && rtt && *rtt >= kRttUsMin &&
           *delay < *rtt / 2;
}

bool off_sequence(const Incident& incident) {
    const auto& packet = incident.facts.rst_packet;
    return packet && incident.facts.expected_seq && packet->seq != *incident.facts.expected_seq;
}

bool nobody_here_sent_it(const Incident& incident) {
    return incident.facts.sent_by_nobody_here && !incident.facts.peer_closure.known();
}

MaybeConfidence forged_applies(const Incident& incident) {
    if (!incident.rst || arrived_in(incident, TcpState::kSynSent)) return std::nullopt;
    if (may_be_the_peers(incident)) return std::nullopt;
    if (nobody_here_sent_it(incident)) return Confidence::kCertain;
    if (incident.facts.peer_on_host) return std::nullopt;
    const bool likely = ttl_differs(incident) || incident.facts.data_after_rst ||
                        (came_too_soon(incident) && off_sequence(incident));
    return likely ? MaybeConfidence(Confidence::kLikely) : std::nullopt;
}
std::string forged_why_not(const Incident& incident) {
    if (incident.facts.peer_reset) return "the peer's own kernel was seen to send it";
    if (records_lost(incident)) return kSenderMayBeLost;
    if (incident.facts.rst_packet && incident.facts.rst_packet->handshake_ttl != 0) {
        return "its TTL is the handshake's, and nothing came after it";
    }
    return "nothing about it that could be seen speaks against the peer (its TTL could not be compared)";
}
/// What speaks against the peer, joined.
std::string forged_signs(const Incident& incident) {
    std::string signs;
    const auto add = [&](const std::string& sign) { signs += signs.empty() ? sign : "; " + sign; };
    if (nobody_here_sent_it(incident)) add("no kernel on this host, where the peer is, sent it");
    if (ttl_differs(incident)) {
        add(fmt::format("its TTL is {}, the handshake's was {} (another route would change it too)",
                        incident.facts.rst_packet->ttl, incident.facts.rst_packet->handshake_ttl));
    }
    if (came_too_soon(incident)) {
        add(fmt::format("it came {} after the data that it answers, with a round trip of {}",
                        duration_text(*incident.facts.rst_delay_us), duration_text(*incident.endpoint.rtt_us)));
    }
    if (incident.facts.data_after_rst) add("the peer went on sending after it");
    if (off_sequence(incident)) add("its sequence number is not the one expected");
    return signs;
}
std::string forged_summary(const Incident& incident) {
    return fmt::format("The RST from {} does not look like the peer's own: {}.", remote_name(incident),
                       forged_signs(incident));
}
std::string forged_advice(const Incident& incident) {
    return "Something on the way sends RSTs in the peer's name: a firewall, a balancer that ends connections, "
           "an inspection device. Ask whoever runs it; compare over another network or through a tunnel." +
           sigpipe_advice(incident);
}

// --- idle_connection_reset ---

MaybeConfidence idle_applies(const Incident& incident) {
    constexpr std::uint64_t kAnswerUsMin = 200'000;
    if (!arrived_in(incident, TcpState::kEstablished) || peer_aborted(incident)) return std::nullopt;
    if (records_lost(incident) || !rst_answers_a_segment(incident)) return std::nullopt;
    const auto& idle = incident.endpoint.idle_us;
    const auto& delay = incident.facts.rst_delay_us;
    if (!idle || *idle < incident.facts.idle_after_us || !delay) return std::nullopt;
    const std::uint64_t answer = std::max(kAnswerUsMin, 2 * std::uint64_t{incident.endpoint.rtt_us.value_or(0)});
    if (*delay > answer) return std::nullopt;
    return seen_to_forget(incident) ? Confidence::kCertain : Confidence::kLikely;
}
std::string idle_why_not(const Incident& incident) {
    if (records_lost(incident)) return kSenderMayBeLost;
    if (incident.facts.fin_received) return "the peer had closed in order";
    if (!incident.endpoint.idle_us || !incident.facts.rst_delay_us) return "no write after a silence drew it";
    if (*incident.endpoint.idle_us < incident.facts.idle_after_us) {
        return fmt::format("it had been silent for {} only", duration_text(*incident.endpoint.idle_us));
    }
    return "the RST was no prompt answer to the first write";
}
std::string idle_summary(const Incident& incident) {
    if (seen_to_forget(incident)) {
        return fmt::format(
            "{} had dropped its end of the connection without a word{} (closed under TCP_REPAIR); "
            "after {} of silence the first write of {} met a RST {} later, for want of a socket.",
            peer_name(incident), earlier_text(incident, incident.facts.peer_closure.at),
            duration_text(*incident.endpoint.idle_us), victim_name(incident),
            duration_text(*incident.facts.rst_delay_us));
    }
    const std::string forgetful = incident.facts.peer_on_other_host
                                      ? "the kernel" + on_host(incident) + " had no such connection any more"
                                      : "the peer, or a NAT or balancer on the way, had forgotten it";
    return fmt::format("The connection to {} had been silent for {}; the first write of {} after that met a RST {} later: "
                       "{}.",
                       remote_name(incident), duration_text(*incident.endpoint.idle_us), victim_name(incident),
                       duration_text(*incident.facts.rst_delay_us), forgetful);
}
std::string idle_advice(const Incident& incident) {
    return fmt::format("Keep it alive more often than every {} (SO_KEEPALIVE with TCP_KEEPIDLE, or the protocol's "
                       "own pings), or give idle connections up sooner.{}",
                       duration_text(*incident.endpoint.idle_us), sigpipe_advice(incident));
}

}  // namespace

Rule firewall_reset_rule() {
    return {Cause::kFirewallReset, {Family::kTcpReset}, Severity::kFault, firewall_applies, firewall_why_not,
            firewall_summary, firewall_advice, "network:packet_filtered network:rst_received"};
}

Rule forged_reset_rule() {
    return {Cause::kForgedReset, {Family::kTcpReset}, Severity::kFault, forged_applies, forged_why_not,
            forged_summary, forged_advice, "local:data_sent network:rst_received local:rst_sent"};
}

Rule idle_connection_reset_rule() {
    return {Cause::kIdleConnectionReset, {Family::kTcpReset}, Severity::kFault, idle_applies, idle_why_not,
            idle_summary, idle_advice, "local:data_sent network:rst_received"};
}

}  // namespace pipetrace
