#include "diagnose/chain_table.h"

#include "diagnose/wording.h"

#include <fmt/compile.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace pipetrace {
namespace {

constexpr int kSigpipe = 13;
/// As many as the history of failures remembers of a process, and some that are told late.
constexpr std::size_t kToldMax = 32;

/// The cause in a clause that names who, without times.
std::string in_short(const Incident& incident) {
    const std::string peer = peer_name(incident);
    const std::string remote = incident.endpoint.remote.value_or("its peer");
    switch (incident.verdict.cause) {
        case Cause::kPeerProcessDied:
        case Cause::kPipeReaderDied:
        case Cause::kUnixPeerDied:
            return fmt::format("{} was killed by {}", peer, killer_text(incident.facts.peer_closure));
        case Cause::kPipeReaderClosed: return peer + " had closed its pipe";
        case Cause::kWriteAfterPeerClose:
        case Cause::kCloseRace: return peer + " had closed the connection";
        case Cause::kUnixPeerClosed: return peer + " had closed the socket";
        case Cause::kPeerClosedUnreadData:
        case Cause::kUnixPeerUnreadData: return peer + " had closed with data unread";
        case Cause::kPeerAbortiveClose: return peer + " aborted the connection";
        case Cause::kConnectionRefused: return "nobody listens at " + remote;
        case Cause::kUnreachable: return remote + " could not be reached";
        case Cause::kRetransmissionTimeout:
        case Cause::kUserTimeout:
        case Cause::kKeepaliveTimeout: return remote + " had fallen silent";
        case Cause::kIdleConnectionReset:
        case Cause::kPeerReset: return fmt::format("a RST came from {}", remote);
        case Cause::kFirewallReset: return "a packet filter reset its connection to " + remote;
        case Cause::kForgedReset: return fmt::format("a forged RST ended its connection to {}", remote);
        case Cause::kLocalAbort: return "its socket was destroyed from outside";
        case Cause::kLocalShutdown: return "it wrote after it had shut down its sending side";
        case Cause::kNotConnected: return "it wrote to a socket that was not connected";
        case Cause::kWriteAfterError:
        case Cause::kClosedWithUnreadData:
        case Cause::kAbortiveClose:
        case Cause::kLateDataAfterClose:
        case Cause::kNoSocket:
        case Cause::kUnknown: return "it was told " + told_text(incident);
    }
    return "";
}

/// The process that let go had no other reason than an incident that is benign itself.
bool only_passed_on(const Incident& incident) {
    const Closure& closure = incident.facts.peer_closure;
    return closure.exiting && (closure.signal == 0 || closure.signal == kSigpipe);
}

}  // namespace

void ChainTable::join(Incident& incident) {
    Told told;
    told.id = incident.id;
    told.root_id = incident.id;
    told.root_sentence = fmt::format(FMT_COMPILE("It began with {}: {}."), victim_name(incident), in_short(incident));
    if (incident.caused_by) {
        const Told* cause = find(incident.facts.cause_process, *incident.caused_by);
        if (cause == nullptr) {
            ++missed_;
        } else {
            told.root_id = cause->root_id;
            told.root_sentence = cause->root_sentence;
            incident.root = told.root_id;
            incident.verdict.summary += ' ' + told.root_sentence;
            if (cause->is_benign && only_passed_on(incident)) {
                incident.verdict.severity = Severity::kBenign;
                incident.verdict.advice =
                    "Nothing went wrong here: it passes on how the other program ended.";
            }
        }
    }
    told.is_benign = incident.verdict.severity == Severity::kBenign;
    remember(incident.process.identity, std::move(told));
}

const ChainTable::Told* ChainTable::find(const ProcessId& process, const std::string& id) const {
    const auto found = processes_.find(process);
    if (found == processes_.end()) return nullptr;
    const auto told = std::find_if(found->second.told.begin(), found->second.told.end(),
                                   [&](const Told& one) { return one.id == id; });
    return told != found->second.told.end() ? &*told : nullptr;
}

void ChainTable::remember(const ProcessId& process, Told told) {
    if (!process.known()) return;
    auto found = processes_.find(process);
    if (found == processes_.end()) {
        if (processes_.size() >= processes_max_) {
            processes_.erase(oldest_first_.front());
            oldest_first_.pop_front();
        }
        oldest_first_.push_back(process);
        found = processes_.emplace(process, Process{{}, 0, std::prev(oldest_first_.end())}).first;
    }
    Process& owner = found->second;
    oldest_first_.splice(oldest_first_.end(), oldest_first_, owner.age);
    const auto known = std::find_if(owner.told.begin(), owner.told.end(),
                                    [&](const Told& one) { return one.id == told.id; });
    if (known != owner.told.end()) {
        *known = std::move(told);
    } else if (owner.told.size() < kToldMax) {
        owner.told.push_back(std::move(told));
    } else {
        owner.told[owner.next] = std::move(told);
        owner.next = (owner.next + 1) % kToldMax;
    }
}

}  // namespace pipetrace
