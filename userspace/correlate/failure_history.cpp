#include "correlate/failure_history.h"

#include <algorithm>

namespace pipetrace {
namespace {

/// Older ones are never asked for: what ends a process is the last that it meets.
constexpr std::size_t kMetMax = 16;

constexpr int kSigpipe = 13;
constexpr int kSigabrt = 6;
/// Added to a signal's number, it is the status of a program that waited for one which that signal killed.
constexpr int kBySignal = 128;

/// From an error to the exit for its sake, with a status that says failure: messages, children, locks.
constexpr std::uint64_t kFailingEndNs = 1'000'000'000;
/// The same where the status says nothing, or the error was not seen to be told.
constexpr std::uint64_t kPlainEndNs = 250'000'000;
/// From an error to the end of another connection for its sake, by the same thread.
constexpr std::uint64_t kAbortNs = 5'000'000;
/// A process that lives through more failures than this does not end for one.
constexpr std::size_t kSurvivedMax = 2;

/// When the process last met it, as far as `until`.
Ktime met_before(const MetFailure& failure, Ktime until) {
    return failure.last_at <= until ? failure.last_at : failure.began_at();
}

// Neither is 0, and none of the one is one of the other.
std::uint64_t key_of(const ProcessId& process) {
    return (mixed_bits(process.start_boottime_ns) ^ static_cast<std::uint64_t>(process.tgid)) | 1;
}
std::uint64_t key_of_child(Tgid parent) { return (static_cast<std::uint64_t>(parent) + 1) << 1; }

/// The two ends of one connection fail together, neither for the other's failure.
bool can_lead_to(const MetFailure& failure, const Closure& closure, const Endpoint& broken) {
    const Endpoint& own = failure.endpoint;
    const bool same_story = own.id == broken.id || (own.kind == EndpointKind::kTcp && mirrors(own, broken));
    return failure.began_at() <= closure.at && !same_story;
}

/// Exit, rather than a signal from outside; 128 + n is how a program says that one ended it.
bool ended_by_itself(const Closure& closure, std::optional<int> wait_status) {
    if (closure.signal == kSigabrt) return true;
    if (closure.signal != 0) return false;
    const int status = (wait_status.value_or(0) >> 8) & 0xff;
    constexpr int kSignalMax = 64;
    return status <= kBySignal || status > kBySignal + kSignalMax || status == kBySignal + kSigpipe;
}

bool says_failure(const Closure& closure, std::optional<int> wait_status) {
    return closure.signal == kSigabrt || wait_status.value_or(0) != 0;
}

}  // namespace

void FailureHistory::add(const MetFailure& failure) {
    if (!failure.process.known()) return;
    Process& process = touch(failure.process, failure.parent_tgid, failure.last_at);
    std::vector<MetFailure>& met = process.met;
    for (MetFailure& known : met) {
        if (known.endpoint.id != failure.endpoint.id || known.first_at != failure.first_at) continue;
        if (failure.last_at >= known.last_at) {
            known.last_at = failure.last_at;
            known.last_tid = failure.last_tid;
        }
        known.told |= failure.told;
        known.of_killed_peer |= failure.of_killed_peer;
        known.broken_pipe |= failure.broken_pipe;
        if (!known.killed_at.known()) known.killed_at = failure.killed_at;
        return;
    }
    if (met.size() >= kMetMax) {
        ++process.earlier;
        met.erase(std::min_element(met.begin(), met.end(), [](const MetFailure& a, const MetFailure& b) {
            return a.last_at < b.last_at;
        }));
    }
    met.push_back(failure);
}

void FailureHistory::add_unexamined(const ProcessId& process, Tgid parent_tgid, Ktime at) {
    if (process.known()) touch(process, parent_tgid, at).unexamined = true;
}

FailureHistory::Process& FailureHistory::touch(const ProcessId& process, Tgid parent_tgid, Ktime at) {
    auto found = processes_.find(process);
    if (found == processes_.end()) {
        make_room(at);
        oldest_first_.push_back(process);
        found = processes_.emplace(process, Process{}).first;
        found->second.parent_tgid = parent_tgid;
        found->second.age = std::prev(oldest_first_.end());
        by_parent_.insert({parent_tgid, process});
    }
    oldest_first_.splice(oldest_first_.end(), oldest_first_, found->second.age);
    found->second.touched = std::max(found->second.touched, at);
    return found->second;
}

void FailureHistory::make_room(Ktime now) {
    if (processes_.size() < processes_max_) return;
    const auto oldest = processes_.find(oldest_first_.front());
    const Process& gone = oldest->second;
    if (gone.touched + kYoungNs > now) {
        ++evicted_;
        forgotten_.note(key_of(oldest->first), gone.touched);
        forgotten_.note(key_of_child(gone.parent_tgid), gone.touched);
    }
    by_parent_.erase({oldest->second.parent_tgid, oldest->first});
    processes_.erase(oldest);
    oldest_first_.pop_front();
}

void FailureHistory::exited(const ProcessId& process, int wait_status, Ktime at) {
    const auto found = processes_.find(process);
    if (found == processes_.end()) return;
    found->second.wait_status = wait_status;
    found->second.exited_at = at;
}

void FailureHistory::set_follows(const ProcessId& process, const Endpoint& endpoint, Ktime first_at) {
    const auto found = processes_.find(process);
    if (found == processes_.end()) return;
    for (MetFailure& failure : found->second.met) {
        if (failure.endpoint.id == endpoint.id && failure.first_at == first_at) failure.follows = true;
    }
}

const MetFailure* FailureHistory::behind(const Closure& closure, const Endpoint& broken, bool any_lost,
                                         Ktime opened) const {
    if (!closure.known()) return nullptr;
    const MetFailure* own = of_itself(closure, broken, any_lost, opened);
    if (own != nullptr || any_lost) return own;
    return of_its_child(closure, broken);
}

/// A shell says by its own status that SIGPIPE killed what it waited for last. Of several that died so, those
/// that another brought about stood before it in the pipeline; if more than one is left, any can be meant.
const MetFailure* FailureHistory::of_its_child(const Closure& closure, const Endpoint& broken) const {
    if (!closure.exiting || closure.signal != 0 || closure.exit_status != kBySignal + kSigpipe)
        return nullptr;
    const MetFailure* only = nullptr;
    const Tgid parent = closure.by.process.tgid;
    // From a child's last failure to its end, and from that to its parent's.
    if (forgotten_.any_since(key_of_child(parent), closure.at - 2 * kFailingEndNs)) return nullptr;
    for (auto child = by_parent_.lower_bound({parent, {}}); child != by_parent_.end(); ++child) {
        if (child->first != parent) break;
        const Process& process = processes_.at(child->second);
        Closure end;
        end.at = process.exited_at;
        end.by.process = child->second;
        const bool killed = process.wait_status && (*process.wait_status & 0x7f) == kSigpipe;
        if (!killed || end.at > closure.at || end.at + kFailingEndNs < closure.at) continue;
        if (process.unexamined) return nullptr;
        const MetFailure* met = that_killed(process, end, broken, false);
        if (met == nullptr || met->follows) continue;
        if (only != nullptr) return nullptr;
        only = met;
    }
    return only;
}

const MetFailure* FailureHistory::of_itself(const Closure& closure, const Endpoint& broken, bool any_lost,
                                            Ktime opened) const {
    const auto found = processes_.find(closure.by.process);
    if (found == processes_.end()) return nullptr;
    const Process& process = found->second;
    any_lost |= process.unexamined || forgotten_.any_since(key_of(found->first), closure.at - kYoungNs);
    if (closure.exiting && closure.signal == kSigpipe) return that_killed(process, closure, broken, any_lost);
    if (any_lost) return nullptr;
    if (!closure.exiting) return that_led_to_close(process, closure, broken);
    if (!ended_by_itself(closure, process.wait_status)) return nullptr;
    return that_ended(process, closure, broken, opened);
}

/// By the kernel's SIGPIPE; else the program raised it again after an EPIPE, as Go's runtime does.
const MetFailure* FailureHistory::that_killed(const Process& process, const Closure& closure,
                                              const Endpoint& broken, bool any_lost) {
    const MetFailure* killer = nullptr;
    const MetFailure* last = nullptr;
    for (const MetFailure& failure : process.met) {
        if (!can_lead_to(failure, closure, broken)) continue;
        const bool kills = failure.killed_at.known() && failure.killed_at <= closure.at;
        if (kills && (killer == nullptr || failure.killed_at > killer->killed_at)) killer = &failure;
        const Ktime met = met_before(failure, closure.at);
        const bool recent = failure.broken_pipe && met + kFailingEndNs >= closure.at;
        if (recent && (last == nullptr || met > met_before(*last, closure.at))) last = &failure;
    }
    return killer != nullptr || any_lost ? killer : last;
}

const MetFailure* FailureHistory::that_ended(const Process& process, const Closure& closure,
                                             const Endpoint& broken, Ktime opened) {
    const std::uint64_t told_ns_max =
        says_failure(closure, process.wait_status) ? kFailingEndNs : kPlainEndNs;
    std::size_t survived = process.earlier;
    const MetFailure* last = nullptr;
    for (const MetFailure& failure : process.met) {
        if (!can_lead_to(failure, closure, broken)) continue;
        // Nobody was told, and the program says that all went well.
        if (!failure.told && !failure.of_killed_peer && process.wait_status == 0) continue;
        const Ktime met = met_before(failure, closure.at);
        // Who takes up a new connection goes on.
        const bool went_on = opened > met;
        if (went_on || met + (failure.told ? told_ns_max : kPlainEndNs) < closure.at) {
            ++survived;
            continue;
        }
        // What nobody was told of comes after what somebody was.
        const bool better = last == nullptr || failure.told > last->told ||
                            (failure.told == last->told && met > met_before(*last, closure.at));
        if (better) last = &failure;
    }
    return survived <= kSurvivedMax ? last : nullptr;
}

/// A close() is the program's own decision. Only right after its one failure and in the same thread did that
/// surely lead to it: where it throws another connection away in the middle (a proxy), or where what it
/// writes the connection's data to has just lost its reader (`curl | head`).
const MetFailure* FailureHistory::that_led_to_close(const Process& process, const Closure& closure,
                                                    const Endpoint& broken) {
    const bool of_connection = broken.kind == EndpointKind::kTcp && closure.path == ClosePath::kClose;
    const bool aborts =
        closure.to == TcpState::kClose && (closure.path == ClosePath::kLingerZero ||
                                           (closure.path == ClosePath::kClose && closure.unread_bytes > 0));
    if (!(aborts || of_connection) || closure.by.tid == 0) return nullptr;
    const MetFailure* only = nullptr;
    for (const MetFailure& failure : process.met) {
        const Ktime met = met_before(failure, closure.at);
        if (failure.first_at > closure.at || met + kFailingEndNs < closure.at) continue;
        if (only != nullptr) return nullptr;
        only = &failure;
    }
    if (only == nullptr || !only->told || !can_lead_to(*only, closure, broken)) return nullptr;
    // Who had lived with its broken pipe does not end a connection for it.
    const bool just_broken = only->endpoint.kind == EndpointKind::kPipe && only->broken_pipe &&
                             process.earlier == 0 && only->first_at + kAbortNs >= closure.at;
    if (!aborts && !just_broken) return nullptr;
    const bool at_once = met_before(*only, closure.at) + kAbortNs >= closure.at;
    return at_once && only->last_tid == closure.by.tid ? only : nullptr;
}

}  // namespace pipetrace
