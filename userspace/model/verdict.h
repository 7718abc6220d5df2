// Verdict: what the evidence supports, and what to do about it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pipetrace {

enum class Cause : std::uint8_t {
    kWriteAfterPeerClose,
    kCloseRace,
    kPeerClosedUnreadData,
    kPeerAbortiveClose,
    kPeerProcessDied,
    kIdleConnectionReset,
    kPeerReset,
    kConnectionRefused,
    kFirewallReset,
    kForgedReset,
    kRetransmissionTimeout,
    kUserTimeout,
    kKeepaliveTimeout,
    kUnreachable,
    kLocalShutdown,
    kLocalAbort,
    kNotConnected,
    kWriteAfterError,
    kPipeReaderClosed,
    kPipeReaderDied,
    kUnixPeerClosed,
    kUnixPeerUnreadData,
    kUnixPeerDied,
    kClosedWithUnreadData,
    kAbortiveClose,
    kLateDataAfterClose,
    kNoSocket,
    kUnknown,
};
inline constexpr std::size_t kCauseCount = static_cast<std::size_t>(Cause::kUnknown) + 1;

/// Why this host sent a RST that somebody else meets.
constexpr bool is_origin(Cause cause) {
    return cause >= Cause::kClosedWithUnreadData && cause <= Cause::kNoSocket;
}

/// The contract's spelling, "write_after_peer_close".
const char* cause_name(Cause cause);
std::optional<Cause> cause_from_name(std::string_view name);

enum class Confidence : std::uint8_t { kUnknown, kLikely, kCertain };
const char* confidence_name(Confidence confidence);

enum class Severity : std::uint8_t { kBenign, kWarning, kFault };
const char* severity_name(Severity severity);
std::optional<Severity> severity_from_name(std::string_view name);

struct RejectedCause {
    Cause cause = Cause::kUnknown;
    std::string because;
};

struct Verdict {
    Cause cause = Cause::kUnknown;
    Confidence confidence = Confidence::kUnknown;
    Severity severity = Severity::kWarning;
    std::string summary;  ///< one sentence, this case's names and numbers
    std::string advice;
    std::vector<std::size_t> evidence;  ///< indices into the incident's timeline
    std::vector<RejectedCause> rejected;
};

}  // namespace pipetrace
