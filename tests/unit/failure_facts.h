// A failure as the correlator and the diagnoser would leave it, told by the few facts that a test is about.
#pragma once

#include "model/incident.h"

#include <cerrno>
#include <cstdint>
#include <string>
#include <utility>

namespace pipetrace::testing {

/// Of a connection of a minute to 10.0.0.1 that had carried 5000 bytes each way, 20 ms ago at the last.
class FailureFacts {
public:
    FailureFacts(const char* comm, Cause cause) {
        incident_.at = Ktime{kAtNs};
        incident_.process.tgid = 4242;
        incident_.process.comm = comm;
        incident_.verdict.cause = cause;
        incident_.verdict.confidence = Confidence::kLikely;
        incident_.verdict.severity = Severity::kFault;
        incident_.facts.was_connected = true;
        incident_.first_close = FirstClose::kPeer;
        incident_.sigpipe = SigpipeFate::kIgnored;
        incident_.facts.at_error = TcpFacts{};
        EndpointStory& endpoint = incident_.endpoint;
        endpoint.local = "10.0.0.2:40000";
        endpoint.remote = "10.0.0.1:9999";
        endpoint.state = TcpState::kEstablished;
        endpoint.retransmits = 0;
        idle_ms(20).age_ms(60'000).sent(5000).received(5000);
        error(ECONNRESET, "read");
    }

    FailureFacts& exe(const char* path) { return incident_.process.details.exe = path, *this; }
    FailureFacts& server() { return incident_.facts.passive = true, *this; }
    FailureFacts& older_than_trace() { return incident_.facts.older_than_trace = true, *this; }
    FailureFacts& remote(const char* address) { return incident_.endpoint.remote = address, *this; }
    FailureFacts& kind(EndpointKind kind) { return incident_.endpoint.kind = kind, *this; }
    FailureFacts& state(TcpState state) { return incident_.endpoint.state = state, *this; }
    FailureFacts& age_ms(std::uint64_t ms) { return incident_.endpoint.age_us = ms * 1000, *this; }
    FailureFacts& idle_ms(std::uint64_t ms) { return incident_.endpoint.idle_us = ms * 1000, *this; }
    FailureFacts& idle_unknown() { return incident_.endpoint.idle_us.reset(), *this; }
    /// How long it had been open when the peer closed it, before or after peer() is told.
    FailureFacts& open_ms(std::uint64_t ms) {
        incident_.endpoint.age_us = ms * 1000 + kSinceCloseUs;
        return *this;
    }
    FailureFacts& without_peer() { return incident_.peer.reset(), *this; }
    FailureFacts& sent(std::uint64_t bytes) {
        incident_.endpoint.bytes_sent = bytes;
        incident_.endpoint.bytes_acked = bytes;
        return *this;
    }
    FailureFacts& unacked(std::uint64_t bytes) {
        incident_.endpoint.bytes_sent = *incident_.endpoint.bytes_acked + bytes;
        return *this;
    }
    FailureFacts& received(std::uint64_t bytes) { return incident_.endpoint.bytes_received = bytes, *this; }
    FailureFacts& unread_here(std::uint32_t bytes) {
        return incident_.facts.at_error->unread_bytes = bytes, *this;
    }
    FailureFacts& severity(Severity severity) { return incident_.verdict.severity = severity, *this; }
    FailureFacts& benign() { return severity(Severity::kBenign); }
    FailureFacts& caused() { return incident_.caused_by = "boot-7", *this; }
    FailureFacts& sigpipe(SigpipeFate fate) { return incident_.sigpipe = fate, *this; }
    FailureFacts& first_close(FirstClose who) { return incident_.first_close = who, *this; }

    /// Instead of the call that failed so far.
    FailureFacts& error(int number, const char* syscall, const char* thread = nullptr) {
        CallError told;
        told.error = number;
        told.syscall = syscall;
        told.thread = thread != nullptr ? thread : *incident_.process.comm;
        incident_.errors = {told};
        return *this;
    }
    FailureFacts& thread(const char* name) { return incident_.errors.front().thread = name, *this; }

    FailureFacts& peer(const char* comm, PeerAction action = PeerAction::kClose, std::uint32_t unread = 0) {
        incident_.peer = Peer{};
        incident_.peer->process.tgid = 4240;
        incident_.peer->process.comm = comm;
        incident_.peer->action = action;
        if (unread != 0) incident_.peer->unread_bytes = unread;
        incident_.facts.peer_closure.at = Ktime{kAtNs - kSinceCloseUs * 1000};
        return *this;
    }
    FailureFacts& killed_peer(const char* comm, int signal, bool oom = false) {
        peer(comm, PeerAction::kKilled);
        incident_.peer->killed_by_signal = signal;
        incident_.facts.peer_closure.signal = static_cast<std::uint8_t>(signal);
        incident_.facts.peer_closure.oom = oom;
        return *this;
    }
    FailureFacts& pipe(const char* reader, PeerAction action = PeerAction::kExit) {
        incident_.endpoint = {};
        incident_.endpoint.kind = EndpointKind::kPipe;
        incident_.endpoint.local = "pipe:[1234]";
        incident_.facts.at_error.reset();
        return error(EPIPE, "write").peer(reader, action);
    }
    FailureFacts& unix_socket(const char* path) {
        incident_.endpoint = {};
        incident_.endpoint.kind = EndpointKind::kUnix;
        incident_.endpoint.remote = path;
        incident_.facts.at_error.reset();
        return error(EPIPE, "write");
    }

    operator Incident() const { return incident_; }

private:
    static constexpr std::uint64_t kAtNs = 90'000'000'000'000;
    static constexpr std::uint64_t kSinceCloseUs = 20'000;

    Incident incident_;
};

}  // namespace pipetrace::testing
