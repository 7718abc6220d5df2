// Origin incidents: RSTs of this host that somebody else will meet. Nobody on this host may have received
// one, so each waits for a while before it is told.
#include "correlate/correlator.h"
#include "correlate/end_facts.h"
#include "correlate/origin_story.h"

#include <fmt/format.h>

namespace pipetrace {
namespace {

/// Repeats are counted for so long after the last.
constexpr std::uint64_t kRepeatNsMax = 10'000'000'000;

bool is_between_local_addresses(const Endpoint& endpoint) {
    return is_loopback(endpoint.local) || is_loopback(endpoint.remote);
}

/// Gone, and no program gave it up: a failure of its own, which its incident told.
bool was_ended_by_network(const Origin& origin) {
    const auto& remembered = origin.connection.remembered;
    return remembered && remembered->closed_from != TcpState::kUnknown && !origin.connection.closure.known();
}

}  // namespace

void Correlator::note_origin(const SentReset& sent) {
    const ResetSent& body = sent->body;
    if (body.peer_here || is_between_local_addresses(body.endpoint)) return;
    if (connections_.find_peer(body.endpoint) != nullptr) return;
    const Connection* own =
        body.endpoint.id != 0 ? connections_.find(body.endpoint.id) : connections_.find_same(body.endpoint);
    const bool is_of_dead = body.endpoint.id == 0 && own != nullptr && is_ended_by_network(*own);
    Origin& origin = origins_.add(sent);
    // Later ones to what the other end goes on sending find no connection here any more, but this.
    if (is_of_dead) origin.told_elsewhere = true;
    if (origin.count > 1 || is_of_dead) return;
    origin.lost_before = loss_.total_before(sent->at);
    if (own == nullptr) return;
    origin.connection.remembered = own->remembered;
    origin.connection.closure = own->closure;
}

/// Returns whether that is all it is for: of an end that is gone nothing more will be heard.
bool Correlator::add_to_origin(const EndpointRemembered& body) {
    Origin* origin = origins_.find(body.endpoint);
    if (origin == nullptr || origin->told_elsewhere) return false;
    const std::uint64_t id = origin->connection.endpoint.id;
    if (id != 0 && id != body.endpoint.id) return false;
    origin->connection.remembered = body;
    if (!origin->connection.closure.known()) origin->connection.closure = body.closure;
    return connections_.find(body.endpoint.id) == nullptr;
}

void Correlator::add_to_origin(const Endpoint& endpoint, const Closure& closure) {
    Origin* origin = origins_.find(endpoint);
    if (origin == nullptr || origin->connection.endpoint.id != endpoint.id) return;
    if (!origin->connection.closure.known()) origin->connection.closure = closure;
}

/// What ended this end is told by its own incident.
void Correlator::settle_origin(const Connection& connection) {
    if (!is_ended_by_network(connection)) return;
    if (!connection.told && !is_silent_story(connection)) return;
    Origin* origin = origins_.find(connection.endpoint);
    if (origin == nullptr || origin->connection.endpoint.id != connection.endpoint.id) return;
    // What a program aborts has outlived its error: one of ICMP, to a socket that asks for those
    // (IP_RECVERR).
    const Closure& closure = origin->connection.closure;
    const bool outlived = closure.to == TcpState::kClose && closure.path != ClosePath::kDestroyed;
    if (!outlived) origin->told_elsewhere = true;
}

void Correlator::print_origin(Origin& origin) {
    if (const Connection* own = connections_.find(origin.connection.endpoint.id)) settle_origin(*own);
    if (origin.told_elsewhere || was_ended_by_network(origin)) return;
    if (origin.printed && !origin.changed) return;
    Incident incident = tell_origin(origin, *config_.syscall_names);
    const Endpoint& endpoint = origin.connection.endpoint;
    incident.id = fmt::format("{}-{:x}-{:x}-{}-{}-rst", config_.id_prefix, incident.at.ns, endpoint.id,
                              endpoint.local.port, endpoint.remote.port);
    incident.revision = origin.printed ? ++origin.revision : 0;
    incident.sampled = sampled_since(origin.connection.reset_sent->at);
    const bool is_doubtful =
        origin.cut_short || is_any_forgotten(endpoint, origin.connection.reset_sent->at - kResetTravelNsMax);
    incident.lost = loss_.total() - origin.lost_before + (is_doubtful ? 1 : 0);
    origin.printed = true;
    origin.changed = false;
    sink_(std::move(incident));
}

void Correlator::advance_origins(Ktime now) {
    origins_.visit_due(now - config_.print_after_ns, [this](Origin& origin) { print_origin(origin); });
    origins_.forget_before(now - kRepeatNsMax);
}

}  // namespace pipetrace
