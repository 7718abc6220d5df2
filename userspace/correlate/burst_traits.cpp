#include "correlate/burst_traits.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

namespace pipetrace {
namespace {

constexpr std::uint64_t kSecondUs = 1'000'000;
/// Longer than any failover or restart takes to reach all connections, shorter than chance.
constexpr std::uint64_t kInstantUs = 200'000;
/// Silences below this come from the work itself, not from a timer.
constexpr std::uint64_t kIdleUsMin = kSecondUs;

/// "10.0.0.7:443" -> "10.0.0.7".
std::string host_of(const std::string& address) { return address.substr(0, address.rfind(':')); }

bool is_break(const TimelineEntry& entry) {
    constexpr std::string_view kPeerActs[] = {"closed", "shut_down"};
    constexpr std::string_view kNetworkActs[] = {"fin_received", "rst_received", "error_raised"};
    if (!entry.time_known) return false;
    if (entry.side == Side::kPeer) {
        return std::find(std::begin(kPeerActs), std::end(kPeerActs), entry.event) != std::end(kPeerActs);
    }
    return entry.side == Side::kNetwork &&
           std::find(std::begin(kNetworkActs), std::end(kNetworkActs), entry.event) != std::end(kNetworkActs);
}

Ktime broken_at(const Incident& incident) {
    if (incident.role == Role::kOrigin) return incident.at;
    const auto found = std::find_if(incident.timeline.begin(), incident.timeline.end(), is_break);
    return found != incident.timeline.end() && found->at.known() ? found->at : incident.at;
}

/// Timers count in seconds or in parts of their own length.
std::uint64_t idle_tolerance_us(std::uint64_t longest_us) {
    return std::max(longest_us / 20, std::min(kSecondUs, longest_us / 10));
}

template <typename Value>
void keep_common(std::optional<Value>& common, const std::optional<Value>& value) {
    if (common != value) common.reset();
}

}  // namespace

BurstMember burst_member_of(const Incident& incident) {
    const EndpointStory& endpoint = incident.endpoint;
    BurstMember member;
    member.id = incident.id;
    member.at = incident.at;
    member.broken_at = std::min(broken_at(incident), incident.at);
    if (endpoint.age_us) member.opened_at = incident.at - *endpoint.age_us * 1000;
    if (endpoint.remote) {
        member.host = host_of(*endpoint.remote);
    } else if (incident.peer) {
        member.host = incident.peer->process.comm.value_or("");
    }
    member.tgid = incident.process.tgid;
    if (incident.peer) {
        member.peer_comm = incident.peer->process.comm;
        member.peer_tgid = incident.peer->process.tgid;
    }
    if (!incident.errors.empty()) member.error = incident.errors.front().error;
    member.idle_us = endpoint.idle_us;
    member.severity = incident.verdict.severity;
    const bool was_reset = incident.verdict.cause == Cause::kPeerAbortiveClose ||
                           incident.verdict.cause == Cause::kAbortiveClose ||
                           incident.verdict.cause == Cause::kPeerReset;
    member.is_empty = was_reset && member.severity == Severity::kBenign && endpoint.bytes_sent == 0U &&
                      endpoint.bytes_received == 0U;
    return member;
}

BurstTraits::BurstTraits(Cause cause, EndpointKind kind, std::string comm) {
    story_.cause = cause;
    story_.kind = kind;
    story_.comm = std::move(comm);
}

void BurstTraits::name(std::string burst_id, std::vector<std::string> first_ids) {
    story_.burst.id = std::move(burst_id);
    story_.first_ids = std::move(first_ids);
}

void BurstTraits::add(const BurstMember& member) {
    if (story_.burst.size++ == 0) {
        story_.first_at = story_.last_at = member.at;
        first_broken_ = last_broken_ = member.broken_at;
        host_ = member.host;
        if (story_.kind == EndpointKind::kTcp) story_.remote_host = member.host;
        story_.tgid = member.tgid;
        story_.peer_comm = member.peer_comm;
        story_.peer_tgid = member.peer_tgid;
        story_.error = member.error;
        story_.idle_us_min = story_.idle_us_max = member.idle_us;
    }
    keep_common(story_.tgid, member.tgid);
    keep_common(story_.peer_comm, member.peer_comm);
    keep_common(story_.peer_tgid, member.peer_tgid);
    keep_common(story_.error, member.error);
    if (member.host != host_) story_.remote_host.reset();
    const bool idle_known = story_.idle_us_min && member.idle_us;
    story_.idle_us_min = idle_known ? std::min(story_.idle_us_min, member.idle_us) : std::nullopt;
    story_.idle_us_max = idle_known ? std::max(story_.idle_us_max, member.idle_us) : std::nullopt;
    story_.severity = std::max(story_.severity, member.severity);
    story_.first_at = std::min(story_.first_at, member.at);
    story_.last_at = std::max(story_.last_at, member.at);
    first_broken_ = std::min(first_broken_, member.broken_at);
    last_broken_ = std::max(last_broken_, member.broken_at);
    last_opened_ = std::max(last_opened_, member.opened_at);
    all_empty_ &= member.is_empty;
    story_.instants_us = (last_broken_.ns - first_broken_.ns) / 1000;
    story_.burst.window_us = (story_.last_at.ns - story_.first_at.ns) / 1000;
    story_.burst.pattern = judge();
}

bool BurstTraits::has_same_idle_age() const {
    if (!story_.idle_us_min || *story_.idle_us_min < kIdleUsMin) return false;
    return *story_.idle_us_max - *story_.idle_us_min <= idle_tolerance_us(*story_.idle_us_max);
}

/// Side by side: the last was opened before the first broke, so they are not a loop's one after the other.
/// Pipes and unix sockets have no age: there, one process must have held all the other ends.
bool BurstTraits::broke_at_once() const {
    if (story_.instants_us > kInstantUs) return false;
    constexpr Cause kUnconnected[] = {Cause::kConnectionRefused, Cause::kNotConnected, Cause::kNoSocket};
    if (std::find(std::begin(kUnconnected), std::end(kUnconnected), story_.cause) != std::end(kUnconnected))
        return false;
    if (story_.kind != EndpointKind::kTcp) return story_.peer_tgid.has_value();
    return last_opened_ < first_broken_;
}

BurstPattern BurstTraits::judge() const {
    if (all_empty_) return BurstPattern::kNoBytes;
    // Connections that were used together go silent together: then only the cause tells a timer from an
    // event that broke all of them.
    const bool at_once = broke_at_once();
    if (has_same_idle_age() && (!at_once || story_.cause == Cause::kIdleConnectionReset)) {
        return BurstPattern::kSameIdleAge;
    }
    return at_once ? BurstPattern::kOneInstant : BurstPattern::kAlike;
}

}  // namespace pipetrace
