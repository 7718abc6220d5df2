#include "diagnose/wording.h"

#include "model/errno_name.h"
#include "model/quantity_text.h"

#include <fmt/compile.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

namespace pipetrace {
namespace {

std::string process_name(const InvolvedProcess& process) {
    return fmt::format(FMT_COMPILE("{}[{}]"), process.comm.value_or("?"), process.tgid.value_or(0));
}

/// By a call that takes no MSG_* flags, as libraries do, and as all do on a pipe.
bool wrote_without_flags(const Incident& incident) {
    if (incident.endpoint.kind == EndpointKind::kPipe) return true;
    return std::any_of(incident.errors.begin(), incident.errors.end(), [](const CallError& error) {
        return error.error == EPIPE && (error.syscall == "write" || error.syscall == "writev");
    });
}

/// The signal had a handler, which ended the program by it (fate "handled", and yet "killed" in all).
bool ended_by_its_handler(const Incident& incident) {
    return std::any_of(incident.timeline.begin(), incident.timeline.end(), [](const TimelineEntry& entry) {
        const auto fate = entry.detail.find("fate");
        return entry.event == "sigpipe_generated" && fate != entry.detail.end() &&
               fate->second == Details::Value(std::string(sigpipe_fate_name(SigpipeFate::kHandled)));
    });
}

std::string killed_advice(const Incident& incident) {
    if (ended_by_its_handler(incident)) {
        return " The program's own handler of SIGPIPE ended it: if it must live on, have it ignore the "
               "signal and handle EPIPE.";
    }
    return wrote_without_flags(incident)
               ? " SIGPIPE at its default killed the program: set it to SIG_IGN (write() cannot carry "
                 "MSG_NOSIGNAL) and handle EPIPE."
               : " SIGPIPE at its default killed the program: ignore it (SIG_IGN) or send with "
                 "MSG_NOSIGNAL, and handle EPIPE.";
}

}  // namespace

std::string victim_name(const Incident& incident) {
    return incident.process.tgid ? process_name(incident.process) : "the program";
}

std::string on_host(const Incident& incident) {
    return incident.peer && incident.peer->host ? " on " + *incident.peer->host : "";
}

std::string peer_name(const Incident& incident) {
    if (incident.peer && incident.peer->process.tgid)
        return process_name(incident.peer->process) + on_host(incident);
    if (incident.endpoint.kind == EndpointKind::kPipe) return "the last reader";
    if (incident.endpoint.remote) return "the peer " + *incident.endpoint.remote + on_host(incident);
    return "the peer";
}

std::string earlier_text(const Incident& incident, Ktime then) {
    if (!then.known() || then > incident.at) return "";
    return " " + duration_text((incident.at.ns - then.ns) / 1000) + " earlier";
}

std::string killer_text(const Closure& closure) {
    const std::string signal = signal_text(closure.signal);
    return closure.oom ? fmt::format("the OOM killer ({})", signal) : signal;
}

std::string killer_advice(const Incident& incident) {
    const std::string peer = peer_name(incident);
    switch (incident.facts.peer_closure.signal) {
        case SIGINT:
        case SIGQUIT:
            return fmt::format(
                "{} was interrupted, as Ctrl-C at its terminal does: expect here that one leaves so.", peer);
        case SIGHUP:
            return fmt::format(
                "SIGHUP tells {} that its terminal or session has ended: start it apart from one (nohup, "
                "setsid, a service), if it should outlive it.",
                peer);
        case SIGTERM:
            return fmt::format(
                "Find out who asked {} to stop (service manager, container runtime, `timeout`).", peer);
        case SIGSEGV:
        case SIGBUS:
        case SIGILL:
        case SIGFPE:
        case SIGABRT:
            return fmt::format("{} crashed: look at its log and for its core dump (`coredumpctl`).", peer);
        default: break;
    }
    return fmt::format("Find out what killed {} (kernel log, OOM killer, service manager).", peer);
}

std::string told_text(const Incident& incident) {
    if (incident.errors.empty()) return "nothing";
    const CallError& error = incident.errors.front();
    std::string text = errno_name(error.error);
    if (error.syscall) text += " from " + *error.syscall;
    return text;
}

std::string sigpipe_advice(const Incident& incident) {
    switch (incident.sigpipe.value_or(SigpipeFate::kNone)) {
        case SigpipeFate::kKilled: return killed_advice(incident);
        case SigpipeFate::kIgnored:
        case SigpipeFate::kSuppressed: return " SIGPIPE did no harm here; the EPIPE must be handled.";
        case SigpipeFate::kBlocked:
            return " SIGPIPE is blocked and stays pending: it strikes when it is unblocked.";
        case SigpipeFate::kHandled:
        case SigpipeFate::kNone: return "";
    }
    return "";
}

}  // namespace pipetrace
