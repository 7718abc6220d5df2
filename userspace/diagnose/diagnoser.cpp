#include "diagnose/diagnoser.h"

#include "diagnose/reset_facts.h"
#include "diagnose/rule_table.h"
#include "diagnose/rules.h"
#include "diagnose/wording.h"
#include "model/quantity_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace pipetrace {
namespace {

bool proves(std::string_view proof, const TimelineEntry& entry) {
    const std::size_t colon = proof.find(':');
    return proof.substr(0, colon) == side_name(entry.side) && proof.substr(colon + 1) == entry.event;
}

/// `proofs` is "side:event side:event".
std::vector<std::size_t> evidence_of(const Incident& incident, std::string_view proofs) {
    std::vector<std::size_t> evidence;
    for (std::size_t i = 0; i < incident.timeline.size(); ++i) {
        for (std::string_view rest = proofs; !rest.empty();) {
            const std::size_t end = std::min(rest.find(' '), rest.size());
            if (proves(rest.substr(0, end), incident.timeline[i])) {
                evidence.push_back(i);
                break;
            }
            rest.remove_prefix(std::min(end + 1, rest.size()));
        }
    }
    return evidence;
}

/// A connection that carried nothing, lived a moment and was reset on purpose is a health check. No segment
/// of an end that has only accepted it can have drawn a RST.
bool is_health_check(const Incident& incident) {
    constexpr std::uint64_t kMomentUs = 100'000;
    const EndpointStory& endpoint = incident.endpoint;
    const Cause cause = incident.verdict.cause;
    const ClosePath own_path = incident.facts.own_closure.path;
    const bool dropped_here = cause == Cause::kAbortiveClose && !incident.facts.passive &&
                              (own_path == ClosePath::kLingerZero || own_path == ClosePath::kDisconnect);
    // Who had connected and is thrown out at once was turned away.
    const bool from_outside = cause == Cause::kPeerAbortiveClose || cause == Cause::kPeerReset;
    const bool on_purpose = dropped_here || (from_outside && incident.facts.passive);
    return on_purpose && endpoint.bytes_sent == 0U && endpoint.bytes_received == 0U && endpoint.age_us &&
           *endpoint.age_us < kMomentUs;
}

void tell_health_check(Incident& incident) {
    if (!is_health_check(incident)) return;
    incident.verdict.severity = Severity::kBenign;
    incident.verdict.summary += fmt::format(" It carried no byte in its {}: a health check, not a fault.",
                                            duration_text(*incident.endpoint.age_us));
    incident.verdict.advice = "Nothing to do; a checker that closes in order would leave no RST.";
}

/// What a process let go because of a failure of its own, or of its child's, is no fault of its close.
void tell_passed_on(Incident& incident, const Rule* chosen) {
    const bool for_its_close = chosen != nullptr && std::string_view(chosen->evidence).find("peer:closed") == 0;
    if (!incident.caused_by || !for_its_close) return;
    const EndpointKind kind = incident.endpoint.kind;
    const char* what = kind == EndpointKind::kPipe ? "pipe" : kind == EndpointKind::kUnix ? "socket" : "connection";
    incident.verdict.advice =
        fmt::format("Look at what {} met; this {} only passed it on.{}",
                    incident.facts.by_child ? "that program" : peer_name(incident), what,
                    kind == EndpointKind::kPipe ? "" : sigpipe_advice(incident));
}

void reject_rivals(Incident& incident, Family family) {
    constexpr std::size_t kUsual = 10;
    incident.verdict.rejected.reserve(kUsual);
    for (const Rule& rule : rule_table()) {
        if (!speaks_of(rule, family) || rule.cause == incident.verdict.cause) continue;
        if (!rule.applies(incident)) {
            incident.verdict.rejected.push_back({rule.cause, rule.why_not(incident)});
            continue;
        }
        const char* because = rule.cause == Cause::kPeerReset ? "more is known than that a RST came"
                                                              : "what the named cause began led to it";
        incident.verdict.rejected.push_back({rule.cause, because});
    }
}

/// A RST that neither end sent closes nothing for either.
void settle_first_close(Incident& incident) {
    const Verdict& verdict = incident.verdict;
    if (verdict.cause != Cause::kFirewallReset && verdict.cause != Cause::kForgedReset) return;
    if (incident.facts.fin_received || incident.facts.own_closure.known()) return;
    incident.first_close = verdict.confidence == Confidence::kCertain
                               ? std::optional(FirstClose::kNone)
                               : std::nullopt;
}

/// Which facts are missing, and how to get them.
std::string missing_facts(const Incident& incident) {
    if (incident.role == Role::kOrigin) return unexplained_origin(incident);
    if (incident.lost > 0) {
        return fmt::format("What is left does not explain this failure: {} {} lost while it ran.", incident.lost,
                           incident.lost == 1 ? "event was" : "events were");
    }
    if (incident.facts.is_any_left_out)
        return "What is seen does not explain this failure; what --without leaves out may.";
    if (incident.endpoint.kind == EndpointKind::kUnix) {
        if (incident.facts.other_end == OtherEnd::kOpen) {
            return "Both ends of this unix socket are open, and no more may be sent: either this end shut "
                   "down its "
                   "sending or the other its receiving. No hook of this mode shows who called shutdown(); "
                   "one on "
                   "unix_shutdown() would.";
        }
        return "What became of this unix socket's other end was not seen.";
    }
    if (incident.facts.older_than_trace) {
        return "The connection is older than the trace, and what ended it came before; trace from before "
               "it is opened to see it.";
    }
    return "No event that explains this failure was seen: neither a RST nor a FIN nor a shutdown of its "
           "own. `pipetrace doctor` lists what this kernel hides.";
}

void judge_unknown(Incident& incident) {
    Verdict& verdict = incident.verdict;
    verdict.cause = Cause::kUnknown;
    verdict.confidence = Confidence::kUnknown;
    verdict.severity = Severity::kWarning;
    verdict.summary = missing_facts(incident);
    if (incident.role == Role::kOrigin) {
        verdict.advice =
            "Look at the log of the other end, which met this RST, for what it had sent or asked for.";
        return;
    }
    verdict.advice =
        incident.endpoint.kind == EndpointKind::kUnix
            ? "`ss -xp` shows who holds the two ends. Trace in full or kprobe mode, where the kernel "
              "allows it; `pipetrace doctor` lists what is hidden here."
            : "Trace again with `--errors exact`, from before the connection is opened.";
}

/// It may begin with whoever is not named; a program's name stays as it is.
std::string as_sentence(std::string text, const Incident& incident) {
    const bool is_named = incident.peer && incident.peer->process.tgid;
    if (!is_named && text.starts_with("the peer ")) text.front() = 'T';
    return text;
}

}  // namespace

void diagnose(Incident& incident) {
    incident.verdict = {};
    Verdict& verdict = incident.verdict;
    const Family family = family_of(incident);
    const Rule* chosen = nullptr;
    for (const Rule& rule : rule_table()) {
        if (!speaks_of(rule, family)) continue;
        const std::optional<Confidence> confidence = rule.applies(incident);
        if (!confidence) continue;
        chosen = &rule;
        verdict.cause = rule.cause;
        verdict.confidence = *confidence;
        verdict.severity = rule.severity;
        verdict.summary = as_sentence(rule.summary(incident), incident);
        verdict.advice = rule.advice(incident);
        verdict.evidence = evidence_of(incident, rule.evidence);
        break;
    }
    if (chosen == nullptr) judge_unknown(incident);
    const bool was_told = !incident.errors.empty() || incident.sigpipe > SigpipeFate::kNone;
    const bool is_victim = incident.role == Role::kVictim;
    if (is_victim && (incident.rst || incident.facts.pending_error != 0) && !was_told) {
        verdict.summary += incident.facts.nobody_told ? " No program was told of it."
                                                      : " No call was seen to be told of it.";
    }
    settle_first_close(incident);
    reject_rivals(incident, family);
    tell_health_check(incident);
    if (met_by_last_fin(incident) && verdict.cause == Cause::kPeerReset) verdict.severity = Severity::kBenign;
    tell_passed_on(incident, chosen);
    const bool is_doubtful = incident.lost > 0 || incident.facts.peer_unsure || incident.facts.is_any_left_out;
    if (is_doubtful && verdict.confidence == Confidence::kCertain) {
        verdict.confidence = Confidence::kLikely;
    }
}

}  // namespace pipetrace
