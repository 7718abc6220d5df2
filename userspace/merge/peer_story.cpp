#include "merge/peer_story.h"

#include "merge/reset_end.h"
#include "model/reset_reason.h"

#include <algorithm>
#include <cstring>

namespace pipetrace {
namespace {

constexpr std::size_t kProcessesMax = 1'000'000;
constexpr std::size_t kWhysMax = 1024;

bool is_giving_up(const TimelineEntry& entry) {
    return entry.side == Side::kLocal && (entry.event == "closed" || entry.event == "shut_down");
}

/// In the words of its own recording, which knows the system calls' names.
std::optional<PeerAction> action_of(const Incident& incident) {
    if (!incident.facts.own_closure.known()) return std::nullopt;
    for (const TimelineEntry& entry : incident.timeline) {
        if (!is_giving_up(entry) || !entry.detail.contains("action")) continue;
        const auto* said = std::get_if<std::string>(&entry.detail.at("action"));
        for (int i = 0; said != nullptr && i <= static_cast<int>(PeerAction::kNone); ++i) {
            if (*said == peer_action_name(static_cast<PeerAction>(i))) return static_cast<PeerAction>(i);
        }
    }
    const Closure& closure = incident.facts.own_closure;
    if (closure.exiting) return closure.signal != 0 ? PeerAction::kKilled : PeerAction::kExit;
    return closure.path == ClosePath::kClose ? PeerAction::kClose : PeerAction::kAbort;
}

/// Of the RST that it sent, not of one that it met.
std::optional<std::string> why_of(const Incident& incident) {
    for (const TimelineEntry& entry : incident.timeline) {
        if (entry.side != Side::kLocal || entry.event != "rst_sent" || !entry.detail.contains("reason"))
            continue;
        if (const auto* why = std::get_if<std::string>(&entry.detail.at("reason"))) return *why;
    }
    return std::nullopt;
}

Ktime shifted(Ktime at, std::int64_t shift_ns) {
    if (!at.known()) return at;
    const std::int64_t moved = static_cast<std::int64_t>(at.ns) + shift_ns;
    return Ktime{moved > 0 ? static_cast<std::uint64_t>(moved) : 1};
}

const TimelineEntry* find(const Incident& incident, Side side, const char* event) {
    const auto found = std::find_if(
        incident.timeline.begin(), incident.timeline.end(),
        [&](const auto& entry) { return entry.side == side && entry.event == event && entry.time_known; });
    return found != incident.timeline.end() ? &*found : nullptr;
}

/// What one end did is told after what drew it, and before what came of it.
std::int64_t in_order(std::int64_t shift_ns, const PeerStory& story, const Incident& receiver) {
    const auto between = [](Ktime later, Ktime earlier) {
        return static_cast<std::int64_t>(std::min(later.ns, kKtimeMax)) -
               static_cast<std::int64_t>(earlier.ns);
    };
    if (!story.active) {
        const TimelineEntry* write = find(receiver, Side::kLocal, "data_sent");
        if (write != nullptr) shift_ns = std::max(shift_ns, between(write->at, story.reset_at));
    }
    const TimelineEntry* opened = find(receiver, Side::kLocal, "connected");
    if (opened != nullptr) {
        const Ktime first =
            story.closure.known() ? std::min(story.closure.at, story.reset_at) : story.reset_at;
        shift_ns = std::max(shift_ns, between(opened->at, first));
    }
    const TimelineEntry* fin = find(receiver, Side::kNetwork, "fin_received");
    if (fin != nullptr && story.closure.known() && story.closure.to != TcpState::kClose) {
        shift_ns = std::min(shift_ns, between(fin->at, story.closure.at));
    }
    return std::min(shift_ns, between(receiver.rst->at, story.reset_at));
}

ResetSent reset_of(const PeerStory& story, const Incident& receiver) {
    ResetSent sent;
    sent.endpoint.kind = EndpointKind::kTcp;
    sent.endpoint.id = story.had_socket ? 1 : 0;
    sent.endpoint.state = story.state;
    sent.endpoint.local = parse_address(receiver.endpoint.remote.value_or("")).value_or(Address{});
    sent.endpoint.remote = parse_address(receiver.endpoint.local.value_or("")).value_or(Address{});
    sent.tcp.unread_bytes = story.unread_bytes;
    sent.active = story.active;
    if (story.reason >= 0) sent.reason = story.reason;
    sent.provoking_flags = story.provoking_flags;
    sent.provoking_bytes = story.provoking_bytes;
    return sent;
}

/// What it had not read, where that is known (as the correlator has it for an end on this host).
std::optional<std::uint32_t> unread_of(const PeerStory& story) {
    const Closure& closure = story.closure;
    if (closure.unread_uncounted) return std::nullopt;
    const bool in_order = closure.known() && closure.to != TcpState::kClose;
    if (story.active && !(in_order && story.state == TcpState::kEstablished)) {
        const bool lay_elsewhere = story.reason == kResetAbortOnClose && story.unread_bytes == 0;
        return lay_elsewhere ? std::nullopt : std::optional(story.unread_bytes);
    }
    return closure.known() ? std::optional(closure.unread_bytes) : std::nullopt;
}

void name(TimelineEntry& entry, const InvolvedProcess& process) {
    if (process.tgid) entry.detail["pid"] = static_cast<std::int64_t>(*process.tgid);
    if (process.comm) entry.detail["comm"] = *process.comm;
}

TimelineEntry closing_entry(const PeerStory& story, Ktime at, const InvolvedProcess& process) {
    const Closure& closure = story.closure;
    TimelineEntry entry;
    entry.at = at;
    entry.side = Side::kPeer;
    entry.event = story.action == PeerAction::kShutdown ? "shut_down" : "closed";
    if (closure.path == ClosePath::kDestroyed && closure.by.known()) {
        entry.detail["pid"] = static_cast<std::int64_t>(closure.by.process.tgid);
        entry.detail["comm"] = std::string(closure.by.process_comm.view());
    } else {
        name(entry, process);
    }
    if (story.action) entry.detail["action"] = peer_action_name(*story.action);
    if (closure.unread_bytes > 0)
        entry.detail["unread_bytes"] = static_cast<std::int64_t>(closure.unread_bytes);
    if (closure.signal != 0) entry.detail["signal"] = static_cast<std::int64_t>(closure.signal);
    if (closure.path == ClosePath::kLingerZero) entry.detail["linger_zero"] = true;
    if (closure.path == ClosePath::kListener) entry.detail["accepted"] = false;
    if (closure.to != TcpState::kUnknown)
        entry.detail["via"] = closure.to == TcpState::kClose ? "RST" : "FIN";
    return entry;
}

/// Of what happened at the same time, after what leads to it and before what comes of it.
void insert(std::vector<TimelineEntry>& timeline, TimelineEntry entry) {
    auto place = std::lower_bound(timeline.begin(), timeline.end(), entry.at,
                                  [](const TimelineEntry& told, Ktime at) { return told.at < at; });
    const auto leads_to_it = [&](const TimelineEntry& told) {
        return told.at == entry.at && (told.event == "connected" || told.event == "data_sent");
    };
    while (place != timeline.end() && leads_to_it(*place)) ++place;
    timeline.insert(place, std::move(entry));
}

std::optional<FirstClose> seen_from_the_other_end(FirstClose who) {
    switch (who) {
        case FirstClose::kPeer: return FirstClose::kLocal;
        case FirstClose::kLocal: return FirstClose::kPeer;
        case FirstClose::kNone: break;
    }
    return FirstClose::kNone;
}

}  // namespace

std::uint32_t PeerStories::process_index(std::uint32_t host, const InvolvedProcess& process) {
    if (!process.tgid) return kNoIndex;
    const auto key = std::make_pair(host, process.identity);
    const auto found = process_by_id_.find(key);
    if (found != process_by_id_.end()) {
        const InvolvedProcess& known = processes_[found->second];
        if (known.comm == process.comm && known.details.exe == process.details.exe) return found->second;
    }
    if (processes_.size() >= kProcessesMax) return kNoIndex;
    const auto index = static_cast<std::uint32_t>(processes_.size());
    processes_.push_back(process);
    // They lead to another host's processes.
    processes_.back().identity = {};
    processes_.back().cgroup_id = 0;
    process_by_id_.insert_or_assign(key, index);
    return index;
}

std::uint32_t PeerStories::why_index(const std::optional<std::string>& why) {
    if (!why) return kNoIndex;
    const auto found = why_by_text_.find(*why);
    if (found != why_by_text_.end()) return found->second;
    if (whys_.size() >= kWhysMax) return kNoIndex;
    whys_.push_back(*why);
    const auto index = static_cast<std::uint32_t>(whys_.size() - 1);
    why_by_text_.emplace(*why, index);
    return index;
}

std::uint32_t PeerStories::add(std::uint32_t host, const Incident& incident, Ktime reset_at) {
    const ResetSent& sent = *incident.facts.own_reset;
    PeerStory story;
    if (incident.facts.own_closure.at.ns <= kKtimeMax) story.closure = incident.facts.own_closure;
    story.reset_at = reset_at;
    story.lost = incident.lost;
    story.process = process_index(host, incident.process);
    const bool is_origin = incident.role == Role::kOrigin;
    story.why = why_index(why_of(incident));
    story.unread_bytes = sent.tcp.unread_bytes;
    story.reason = sent.reason.value_or(-1);
    story.provoking_bytes = sent.provoking_bytes;
    story.provoking_flags = sent.provoking_flags;
    story.state = sent.endpoint.state;
    story.active = sent.active;
    story.had_socket = sent.endpoint.id != 0;
    story.action = action_of(incident);
    if (is_origin) story.first_close = incident.first_close;
    stories_.push_back(story);
    return static_cast<std::uint32_t>(stories_.size() - 1);
}

void PeerStories::tell(std::uint32_t story_index, const std::string& host_name, std::int64_t shift_ns,
                       bool is_sure, Incident& receiver) const {
    const PeerStory& story = stories_[story_index];
    const std::int64_t shift = in_order(shift_ns, story, receiver);
    const std::optional<std::string> why =
        story.why != kNoIndex ? std::optional(whys_[story.why]) : std::nullopt;
    Peer peer;
    if (story.process != kNoIndex) peer.process = processes_[story.process];
    peer.host = host_name;
    peer.action = story.action;
    peer.unread_bytes = unread_of(story);
    if (peer.action == PeerAction::kKilled) peer.killed_by_signal = story.closure.signal;

    receiver.facts.peer_on_other_host = true;
    receiver.facts.peer_unsure = !is_sure;
    receiver.facts.peer_reset = reset_of(story, receiver);
    receiver.facts.peer_closure = story.closure;
    receiver.facts.peer_closure.at = shifted(story.closure.at, shift);
    receiver.rst->why = why;
    receiver.lost += std::min(story.lost, UINT64_MAX - receiver.lost);
    if (!receiver.first_close && story.first_close) {
        receiver.first_close = seen_from_the_other_end(*story.first_close);
    }

    TimelineEntry left;
    left.at = shifted(story.reset_at, shift);
    left.side = Side::kPeer;
    left.event = "rst_sent";
    left.detail["active"] = story.active;
    if (why) left.detail["reason"] = *why;
    if (story.active) name(left, peer.process);
    insert(receiver.timeline, std::move(left));
    if (story.closure.known()) {
        insert(receiver.timeline, closing_entry(story, receiver.facts.peer_closure.at, peer.process));
    }
    receiver.peer = std::move(peer);
}

}  // namespace pipetrace
