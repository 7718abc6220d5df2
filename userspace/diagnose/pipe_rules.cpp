// A pipe whose last reader has gone.
#include "diagnose/rules.h"
#include "diagnose/wording.h"
#include "model/quantity_text.h"

#include <fmt/format.h>

namespace pipetrace {
namespace {

using MaybeConfidence = std::optional<Confidence>;

MaybeConfidence reader_died_applies(const Incident& incident) {
    const Closure& closure = incident.facts.peer_closure;
    if (!closure.known() || !closure.exiting || closure.signal == 0) return std::nullopt;
    return Confidence::kCertain;
}
std::string reader_died_why_not(const Incident&) { return "no reader was seen to be killed"; }
std::string reader_died_summary(const Incident& incident) {
    return fmt::format("{}, the pipe's last reader, was killed by {}{}; {} wrote on.", peer_name(incident),
                       killer_text(incident.facts.peer_closure),
                       earlier_text(incident, incident.facts.peer_closure.at), victim_name(incident));
}
std::string reader_died_advice(const Incident& incident) {
    return killer_advice(incident) + sigpipe_advice(incident);
}

MaybeConfidence reader_closed_applies(const Incident& incident) {
    // What was seen of the reader is missing, and that may be its death.
    if (incident.lost > 0 && !incident.facts.peer_on_host) return std::nullopt;
    // Every exit that ends a pipe is looked at, so a reader that was killed would have been seen.
    return incident.facts.peer_on_host ? Confidence::kCertain : Confidence::kLikely;
}
std::string reader_closed_why_not(const Incident& incident) {
    return incident.facts.peer_closure.known()
               ? "the reader was killed"
               : "events were lost, and how the reader went may be among them";
}
/// What a status of more than 125 says by the shells' custom; "" of others.
std::string said_by_shells(int status) {
    constexpr int kNotRun = 126;
    constexpr int kNotFound = 127;
    constexpr int kBySignal = 128;
    constexpr int kSignalMax = 64;
    if (status == kNotRun) return "that a program could not be run";
    if (status == kNotFound) return "that a program was not found";
    if (status <= kBySignal || status > kBySignal + kSignalMax) return "";
    return "that " + signal_text(status - kBySignal) + " ended what it waited for";
}
std::string status_advice(const Incident& incident, int status) {
    const std::string reader = peer_name(incident);
    const std::string said = said_by_shells(status);
    if (!said.empty()) {
        return fmt::format(
            "Status {} is how a shell says {}: look there for the reason, in what {} and its children "
            "printed.",
            status, said, reader);
    }
    return fmt::format(
        "If status {} means that {} failed, its own messages say why; that the writer then goes too is "
        "how a pipeline ends.",
        status, reader);
}
std::string reader_closed_summary(const Incident& incident) {
    const std::string writer = victim_name(incident);
    if (!incident.peer) return fmt::format("The pipe's last reader had gone; {} wrote on.", writer);
    const std::string reader = peer_name(incident);
    const std::string earlier = earlier_text(incident, incident.facts.peer_closure.at);
    if (incident.caused_by) {
        const char* why = incident.facts.by_child ? "had ended as a program that it waited for did"
                                                  : "had met a failure of its own and ended";
        return fmt::format("{}, the pipe's last reader, {}{}; {} wrote on.", reader, why, earlier, writer);
    }
    // Seen to hold it, not to let go of it; whoever else had it from this one may have been the last.
    if (!incident.facts.peer_closure.known()) {
        return fmt::format("{} had closed the pipe, which nobody reads any more; {} wrote on.", reader,
                           writer);
    }
    const char* act = incident.peer->action == PeerAction::kExit ? "exited" : "closed it";
    const int status = incident.facts.peer_closure.exit_status;
    const std::string with_status = status != 0 ? fmt::format(" with status {}", status) : "";
    return fmt::format("{}, the pipe's last reader, had {}{}{}; {} wrote on.", reader, act, earlier,
                       with_status, writer);
}
std::string reader_closed_advice(const Incident& incident) {
    if (const int status = incident.facts.peer_closure.exit_status; status != 0)
        return status_advice(incident, status);
    if (incident.sigpipe == SigpipeFate::kKilled) {
        return "This is how a pipeline ends (`| head`): nothing to do, unless `pipefail` makes an error of "
               "status 141.";
    }
    return "A writer that ignores SIGPIPE must stop at EPIPE by itself.";
}

}  // namespace

Rule pipe_reader_died_rule() {
    return {Cause::kPipeReaderDied, {Family::kPipe},
            Severity::kFault,       reader_died_applies,
            reader_died_why_not,    reader_died_summary,
            reader_died_advice,     "peer:closed local:sigpipe_generated"};
}

Rule pipe_reader_closed_rule() {
    return {Cause::kPipeReaderClosed, {Family::kPipe},
            Severity::kBenign,        reader_closed_applies,
            reader_closed_why_not,    reader_closed_summary,
            reader_closed_advice,     "peer:closed local:sigpipe_generated"};
}

}  // namespace pipetrace
