#include "correlate/reset_text.h"

#include "model/reset_reason.h"

#include <fmt/compile.h>

#include <cstddef>
#include <iterator>

namespace pipetrace {
namespace {

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

std::string segment_flags_text(std::uint8_t flags) {
    constexpr const char* kNames[] = {"FIN", "SYN", "RST", "PSH", "ACK", "URG"};
    std::string text;
    for (std::size_t bit = 0; bit < std::size(kNames); ++bit) {
        if ((flags >> bit & 1) == 0) continue;
        text += text.empty() ? "" : "|";
        text += kNames[bit];
    }
    return text;
}

std::string flags_text(std::uint8_t flags) {
    std::string text = "RST";
    if ((flags & 0x10) != 0) text += "|ACK";
    return text;
}

std::optional<std::string> reset_reason_text(const ResetSent& sent, const Closure* closure) {
    const char* path = sent.active && closure != nullptr ? path_text(closure->path) : nullptr;
    if (const int reason = sent.reason.value_or(kResetNotSpecified); reason != kResetNotSpecified) {
        const char* known = reset_reason_name(reason);
        const std::string name = known != nullptr ? known : fmt::format("reason {}", reason);
        return path != nullptr ? fmt::format(FMT_COMPILE("{} ({})"), name, path) : name;
    }
    if (path != nullptr) return path;
    if (sent.active) return sent.tcp.unread_bytes > 0 ? "closed with unread data" : "aborted";
    if (sent.endpoint.id != 0) return "data after close";
    if (sent.endpoint.state == TcpState::kTimeWait) return "data for a closed connection (TIME_WAIT)";
    return "no socket";
}

}  // namespace pipetrace
