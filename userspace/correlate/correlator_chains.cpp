// Which failure brought another about: what each process has met is remembered, and asked for when
// what its end did to others is told.
#include "correlate/correlator.h"
#include "correlate/timeline.h"

#include <fmt/compile.h>

#include <cerrno>

namespace pipetrace {
namespace {

MetFailure met(const Failure& failure, Ktime at, Tid tid) {
    MetFailure met;
    met.endpoint = failure.endpoint;
    met.process = failure.task.process;
    met.parent_tgid = failure.task.parent_tgid;
    met.first_at = failure.first_at;
    met.last_at = at;
    met.last_tid = tid;
    met.told = true;
    return met;
}

}  // namespace

std::string Correlator::id_of(Ktime first_at, const Endpoint& endpoint, const ProcessId& process) const {
    return fmt::format(FMT_COMPILE("{}-{:x}-{:x}-{}"), config_.id_prefix, first_at.ns, endpoint.id, process.tgid);
}

void Correlator::remember_call(const Failure& failure, const FailedCall& call) {
    // When a call that was not seen took the error is not known: not before the RST.
    MetFailure news = met(failure, call.inferred ? failure.first_at : call.at, call.task.tid);
    news.broken_pipe = call.body.error == EPIPE;
    history_.add(news);
}

void Correlator::remember_sigpipe(const Failure& failure, const RaisedSigpipe& sigpipe) {
    MetFailure news = met(failure, sigpipe.at, sigpipe.task.tid);
    news.broken_pipe = true;
    if (fate_of(sigpipe) == SigpipeFate::kKilled) {
        news.killed_at = sigpipe.delivered ? sigpipe.delivered->at : sigpipe.at;
    }
    history_.add(news);
}

void Correlator::remember_repeats(const Failure& failure, const FailureCount& count) {
    if (!count.last.known()) return;
    MetFailure news = met(failure, count.last, count.tid);
    news.broken_pipe = count.is_sigpipe || count.error == EPIPE;
    history_.add(news);
}

/// A pending ECONNRESET that the program never took can have made it do nothing, unless the other end's
/// process was killed: poll() alone shows that it is over. An EPIPE is another matter: the FIN before it was
/// there to be read.
void Correlator::remember_silent(const Failure& failure, const Connection& connection) {
    const Connection* peer = connections_.find_peer(connection.endpoint);
    const bool peer_killed = peer != nullptr && peer->closure.exiting && peer->closure.signal != 0 &&
                             peer->closure.at <= failure.first_at;
    if (connection.error_at_destroy != 0 && connection.error_at_destroy != EPIPE && !peer_killed) return;
    MetFailure news = met(failure, failure.first_at, 0);
    news.told = !failure.calls.empty();
    news.of_killed_peer = peer_killed;
    // The RST that shows the end to us may answer what the program said after it had seen it.
    const auto& remembered = connection.remembered;
    if (peer_killed && remembered && remembered->fin_seen) news.noticed_at = remembered->fin_received;
    history_.add(news);
}

/// Notes whose failure brought this one about; returns that one if it has not been told yet.
Failure* Correlator::find_cause(Failure& failure) {
    if (!failure.caused_by.empty()) return nullptr;
    const Story story = story_of(failure);
    const Closure closure = other_closure(story, failure.first_at);
    const bool is_dated = story.own != nullptr && story.own->remembered;
    const Ktime opened = is_dated ? story.own->remembered->opened : Ktime{};
    // Of a pipe's too, what was lost may be a connection's.
    const bool any_lost = loss_.total_since(began_at_the_latest(failure)) > 0 || is_in_doubt(failure);
    const MetFailure* behind = history_.behind(closure, failure.endpoint, any_lost, opened);
    if (behind == nullptr || behind->began_at() >= failure.first_at) return nullptr;
    const MetFailure cause = *behind;  // what is printed next adds to the history
    failure.caused_by = id_of(cause.first_at, cause.endpoint, cause.process);
    failure.cause_process = cause.process;
    failure.by_child = cause.process != closure.by.process;
    history_.set_follows(failure.task.process, failure.endpoint, failure.first_at);
    print_silent(Ktime{UINT64_MAX});  // the cause may be one of them
    Failure* open = failures_.find({cause.endpoint.id, cause.process.tgid});
    const bool untold = open != nullptr && open->first_at == cause.first_at && !open->printed;
    return untold ? open : nullptr;
}

}  // namespace pipetrace
