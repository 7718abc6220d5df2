// A unix socket's two ends, as the kernel programs remember and report them.
#include "event_builder.h"

#include <algorithm>
#include <cerrno>

namespace pipetrace::testing {
namespace {

constexpr std::uint64_t kInode = 55001;
constexpr std::uint8_t kBoth = kReceiveShutdown | kSendShutdown;

UnixName unix_name(std::string_view path) {
    UnixName name;
    name.length = static_cast<std::uint16_t>(std::min(path.size(), name.bytes.size()));
    std::copy_n(path.begin(), name.length, name.bytes.begin());
    return name;
}

}  // namespace

Story& Story::on_a_unix_socket(SocketType type) {
    own_.endpoint = {};
    own_.endpoint.kind = EndpointKind::kUnix;
    own_.endpoint.id = (std::uint64_t{2} << 60) | kInode;
    own_.tcp = {};
    peer_on_host_ = false;
    other_end_ = OtherEndSeen{};
    other_end_->endpoint = own_.endpoint;
    other_end_->socket_type = type;
    other_end_->other_end = OtherEnd::kOpen;
    return *this;
}

Story& Story::named(std::string_view local, std::string_view remote) {
    names_ = UnixNamed{own_.endpoint, unix_name(local), unix_name(remote), false};
    return *this;
}

/// unix_release_sock(): a datagram socket is not told.
Story& Story::end_goes(Closure closure, std::uint32_t unread) {
    closure.unread_bytes = unread;
    other_end_->closure = closure;
    other_end_->last_holder = true;
    other_end_->other_end = OtherEnd::kGone;
    if (other_end_->socket_type == SocketType::kDatagram) return wait_us(1);
    own_.tcp.shutdown = kBoth;
    if (unread > 0 || closure.path == ClosePath::kListener) own_.tcp.error = ECONNRESET;
    return wait_us(1);
}

Story& Story::other_end_closes(std::uint32_t unread) {
    return end_goes(closure_by(server_, now_, kCloseCall, 0), unread);
}

Story& Story::other_end_exits(std::uint8_t signal, std::uint32_t unread) {
    Closure closure = closure_by(server_, now_, kNoCall, 0);
    closure.exiting = true;
    closure.signal = signal;
    return end_goes(closure, unread);
}

Story& Story::other_end_is_collected(std::uint32_t unread) {
    Closure closure;
    closure.at = now_;
    closure.call_number = kNoCall;
    return end_goes(closure, unread);
}

Story& Story::listener_closes(std::uint32_t unread) {
    Closure closure = closure_by(server_, now_, kCloseCall, 0);
    closure.path = ClosePath::kListener;
    return end_goes(closure, unread);
}

Story& Story::other_end_shuts_down(std::uint8_t directions) {
    other_end_->closure = closure_by(server_, now_, kShutdownCall, directions);
    if (other_end_->socket_type != SocketType::kDatagram) {
        own_.tcp.shutdown =
            static_cast<std::uint8_t>(((directions & kReceiveShutdown) << 1) | (directions >> 1));
    }
    return wait_us(1);
}

Story& Story::other_end_closes_unseen() {
    const OtherEndSeen known = *other_end_;
    other_end_closes();
    other_end_->closure = known.closure;
    other_end_->last_holder = known.last_holder;
    return *this;
}

Story& Story::other_end_last_seen() {
    other_end_->closure = closure_by(server_, {}, kNoCall, 0);
    other_end_->last_holder = true;
    return *this;
}

Story& Story::other_end_gone_before_trace() {
    other_end_closes_unseen();
    other_end_->before_trace = true;
    return *this;
}

Story& Story::own_end_shuts_down(Person who) {
    own_end_shut_down_unseen();
    other_end_->own = closure_by(who, now_, kShutdownCall, kSendShutdown);
    return wait_us(1);
}

Story& Story::own_end_shut_down_unseen() {
    own_.tcp.shutdown |= kSendShutdown;
    return *this;
}

Story& Story::receiver_forgotten() {
    report_ends();
    other_end_->closure = {};
    other_end_->last_holder = false;
    other_end_->other_end = OtherEnd::kUnknown;
    if (names_) names_->remote = {};
    return *this;
}

void Story::report_ends() {
    if (other_end_) emit(*other_end_);
    if (names_) emit(*names_);
}

}  // namespace pipetrace::testing
