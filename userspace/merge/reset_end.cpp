#include "merge/reset_end.h"

#include "model/ip_bytes.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <string>

namespace pipetrace {
namespace {

constexpr std::uint8_t kSyn = 0x02;

bool parse_ip(const std::string& text, bool is_v6, Address& address) {
    if (is_v6) return ::inet_pton(AF_INET6, text.c_str(), address.ip.data()) == 1;
    address.ip[10] = address.ip[11] = 0xff;
    return ::inet_pton(AF_INET, text.c_str(), address.ip.data() + 12) == 1;
}

/// What both kinds of end have in common.
std::optional<ResetEnd> end_of(const Incident& incident, Ktime at) {
    if (incident.endpoint.kind != EndpointKind::kTcp || !at.known() || at.ns > kKtimeMax) return std::nullopt;
    if (!incident.endpoint.local || !incident.endpoint.remote) return std::nullopt;
    const std::optional<Address> local = parse_address(*incident.endpoint.local);
    const std::optional<Address> remote = parse_address(*incident.endpoint.remote);
    if (!local || !remote || !is_between_hosts(*local) || !is_between_hosts(*remote)) return std::nullopt;
    ResetEnd end;
    end.local = *local;
    end.remote = *remote;
    end.at = at;
    end.id_hash = std::hash<std::string>{}(incident.id);
    end.rtt_us = incident.endpoint.rtt_us.value_or(0);
    if (incident.rst && incident.rst->flags) {
        end.flags_known = true;
        end.acknowledges = *incident.rst->flags != "RST";
    }
    return end;
}

const TimelineEntry* own_reset_entry(const Incident& incident) {
    const auto found = std::find_if(
        incident.timeline.begin(), incident.timeline.end(),
        [](const auto& entry) { return entry.event == "rst_sent" && entry.side == Side::kLocal; });
    return found != incident.timeline.end() ? &*found : nullptr;
}

void set_seq(ResetEnd& end, const std::optional<std::uint32_t>& seq) {
    end.seq = seq.value_or(0);
    end.seq_known = seq.has_value();
}

}  // namespace

std::optional<Address> parse_address(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    Address address;
    const char* end = text.data() + text.size();
    const auto port = std::from_chars(text.data() + colon + 1, end, address.port);
    if (port.ec != std::errc() || port.ptr != end) return std::nullopt;
    std::string_view host = text.substr(0, colon);
    const bool is_v6 = host.size() >= 2 && host.front() == '[' && host.back() == ']';
    if (is_v6) host = host.substr(1, host.size() - 2);
    if (!parse_ip(std::string(host), is_v6, address)) return std::nullopt;
    return address;
}

void leave_network(Address& address) {
    const auto host_at = static_cast<std::ptrdiff_t>(host_part_at(address.ip));
    std::fill(address.ip.begin() + host_at, address.ip.end(), std::uint8_t{0});
}

bool is_between_hosts(const Address& address) { return address.port != 0 && !is_of_every_host(address.ip); }

std::optional<ResetEnd> received_end(const Incident& incident) {
    const IncidentFacts& facts = incident.facts;
    if (incident.role != Role::kVictim || !incident.rst || !incident.rst->received) return std::nullopt;
    if (incident.peer || facts.peer_on_host || facts.peer_reset) return std::nullopt;
    std::optional<ResetEnd> end = end_of(incident, incident.rst->at);
    if (!end) return std::nullopt;
    end->answers_syn = incident.rst->state == TcpState::kSynSent;
    set_seq(*end, incident.rst->seq ? incident.rst->seq : facts.expected_seq);
    // There a RST is taken that does not count the FIN (tcp_reset_check(), 5.10 to 7.2).
    end->may_be_one_less = !incident.rst->seq && incident.rst->state == TcpState::kCloseWait;
    return end;
}

std::optional<ResetEnd> sent_end(const Incident& incident) {
    const IncidentFacts& facts = incident.facts;
    if (!facts.own_reset || facts.peer_on_host || facts.own_reset->peer_here) return std::nullopt;
    const bool is_origin = incident.role == Role::kOrigin;
    const TimelineEntry* left = own_reset_entry(incident);
    if (left == nullptr && !is_origin) return std::nullopt;
    // What ends an end that failed by itself (keepalive) is nothing that its program did.
    const ResetSent& sent = *facts.own_reset;
    if (!is_origin && sent.active && !facts.own_closure.known()) return std::nullopt;
    std::optional<ResetEnd> end = end_of(incident, is_origin ? incident.at : left->at);
    if (!end) return std::nullopt;
    end->is_sender = true;
    if (!is_origin) end->flags_known = false;  // those of the RST that it met
    end->answers_syn = !sent.active && (sent.provoking_flags & kSyn) != 0;
    end->is_repeated = left != nullptr && left->detail.contains("count");
    set_seq(*end, sent.seq);
    end->is_origin = is_origin;
    end->is_abort = sent.active;
    return end;
}

}  // namespace pipetrace
