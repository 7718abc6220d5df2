// The classic broken pipe as the correlator would tell it.
#pragma once

#include "model/incident.h"

#include <map>
#include <string>
#include <utility>

namespace pipetrace::testing {

inline constexpr std::int64_t kSecondNs = 1'000'000'000;

/// 2026-01-02T03:04:05.123456Z under sample_clocks().
inline constexpr Ktime kSampleAt{50 * kSecondNs};

inline ClockOffsets sample_clocks() {
    constexpr std::int64_t kWallNs = 1'767'323'045'123'456'000;
    return ClockOffsets{kWallNs - 50 * kSecondNs, 0};
}

inline TimelineEntry entry(std::int64_t offset_us, Side side, std::string_view event, Details detail) {
    const auto at_ns = static_cast<std::int64_t>(kSampleAt.ns) + offset_us * 1000;
    return TimelineEntry{Ktime{static_cast<std::uint64_t>(at_ns)}, true, event, side,
                         std::move(detail)};
}

/// Text and number of a detail: a bare literal would become a bool.
inline Details::Value text(const char* value) { return std::string(value); }
inline Details::Value number(std::int64_t value) { return value; }

inline std::vector<TimelineEntry> sample_timeline() {
    return {
        entry(-1'003'000, Side::kPeer, "closed",
              {{"action", text("close")},
               {"comm", text("python3")},
               {"pid", number(4240)},
               {"via", text("FIN")}}),
        entry(-1'003'000, Side::kNetwork, "fin_received", {{"state", text("ESTABLISHED > CLOSE_WAIT")}}),
        entry(-213, Side::kLocal, "data_sent",
              {{"bytes", number(5)},
               {"answered", text("RST")},
               {"state", text("CLOSE_WAIT")},
               {"source", text("socket")}}),
        entry(-190, Side::kNetwork, "rst_received",
              {{"state", text("CLOSE_WAIT")}, {"errno", text("EPIPE")}}),
        entry(-2, Side::kLocal, "sigpipe_generated", {{"fate", text("ignored")}}),
        entry(
            0, Side::kLocal, "call_failed",
            {{"syscall", text("sendto")}, {"fd", number(3)}, {"bytes", number(5)}, {"errno", text("EPIPE")}}),
    };
}

inline EndpointStory sample_endpoint() {
    EndpointStory endpoint;
    endpoint.fd = 3;
    endpoint.local = "127.0.0.1:50870";
    endpoint.remote = "127.0.0.1:2222";
    endpoint.state = TcpState::kCloseWait;
    endpoint.age_us = 1'003'000;
    endpoint.idle_us = 1'001'000;
    endpoint.bytes_sent = 10;
    endpoint.bytes_acked = 5;
    endpoint.bytes_received = 0;
    return endpoint;
}

inline CallError sample_error() {
    CallError error;
    error.error = 32;
    error.syscall = "sendto";
    error.fd = 3;
    error.tid = 4242;
    error.thread = "python3";
    error.bytes = 5;
    return error;
}

inline Verdict sample_verdict() {
    Verdict verdict;
    verdict.cause = Cause::kWriteAfterPeerClose;
    verdict.confidence = Confidence::kCertain;
    verdict.severity = Severity::kFault;
    verdict.summary =
        "python3[4240] had closed the connection 1.0 s earlier, in order; python3[4242] did not "
        "look and wrote twice more.";
    verdict.advice =
        "A read that returns 0 (or POLLRDHUP) says the peer is gone: check after a pause, before "
        "writing. SIGPIPE is ignored here, as Python does; the EPIPE must be handled.";
    verdict.evidence = {0, 1, 3};
    verdict.rejected = {{Cause::kCloseRace, "the last write began 1.0 s after the FIN had arrived"}};
    return verdict;
}

inline Incident sample_incident() {
    Incident incident;
    incident.id = "boot-1";
    incident.at = kSampleAt;
    incident.process.tgid = 4242;
    incident.process.comm = "python3";
    incident.process.uid = 1000;
    incident.endpoint = sample_endpoint();
    incident.errors = {sample_error()};
    incident.sigpipe = SigpipeFate::kIgnored;
    incident.rst = RstFacts{};
    incident.rst->state = TcpState::kCloseWait;
    incident.first_close = FirstClose::kPeer;
    incident.peer = Peer{};
    incident.peer->process.tgid = 4240;
    incident.peer->process.comm = "python3";
    incident.peer->action = PeerAction::kClose;
    incident.timeline = sample_timeline();
    incident.verdict = sample_verdict();
    return incident;
}

}  // namespace pipetrace::testing
