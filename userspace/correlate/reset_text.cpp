#include "correlate/reset_text.h"

#include <iterator>

#include <fmt/format.h>

namespace pipetrace {
namespace {

/// SK_RST_REASON_* (include/net/rstreason.h; the same numbers in 6.12, 6.18 and 7.2).
constexpr const char* kResetReasons[] = {
    "NOT_SPECIFIED",     "NO_SOCKET",         "TCP_INVALID_ACK_SEQUENCE", "TCP_RFC7323_PAWS",
    "TCP_TOO_OLD_ACK",   "TCP_ACK_UNSENT_DATA", "TCP_FLAGS",              "TCP_OLD_ACK",
    "TCP_ABORT_ON_DATA", "TCP_TIMEWAIT_SOCKET", "INVALID_SYN",            "TCP_ABORT_ON_CLOSE",
    "TCP_ABORT_ON_LINGER", "TCP_ABORT_ON_MEMORY", "TCP_STATE",            "TCP_KEEPALIVE_TIMEOUT",
    "TCP_DISCONNECT_WITH_DATA"};

/// What the reason TCP_STATE does not tell apart; nullptr for a plain close.
const char* path_text(ClosePath path) {
    switch (path) {
        case ClosePath::kLingerZero: return "SO_LINGER 0";
        case ClosePath::kDisconnect: return "connect(AF_UNSPEC)";
        case ClosePath::kListener: return "listener closed";
        case ClosePath::kDestroyed: return "SOCK_DESTROY";
        case ClosePath::kRepair: return "TCP_REPAIR";
        case ClosePath::kClose: break;
    }
    return nullptr;
}

}  // namespace

std::string flags_text(std::uint8_t flags) {
    std::string text = "RST";
    if ((flags & 0x10) != 0) text += "|ACK";
    return text;
}

std::optional<std::string> reset_reason_text(const ResetSent& sent, const Closure* closure) {
    const char* path = sent.active && closure != nullptr ? path_text(closure->path) : nullptr;
    const auto reason = static_cast<std::size_t>(sent.reason.value_or(0));
    if (sent.reason && reason != 0) {
        const std::string name =
            reason < std::size(kResetReasons) ? kResetReasons[reason] : fmt::format("reason {}", reason);
        return path != nullptr ? fmt::format("{} ({})", name, path) : name;
    }
    if (path != nullptr) return path;
    if (sent.active) return sent.tcp.unread_bytes > 0 ? "closed with unread data" : "aborted";
    if (sent.endpoint.id != 0) return "data after close";
    if (sent.endpoint.state == TcpState::kTimeWait) return "data for a closed connection (TIME_WAIT)";
    return "no socket";
}

}  // namespace pipetrace
