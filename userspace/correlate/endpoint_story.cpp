#include "correlate/endpoint_story.h"

#include "correlate/other_end.h"

#include <arpa/inet.h>
#include <fmt/compile.h>

#include <algorithm>
#include <array>

namespace pipetrace {
namespace {

std::optional<std::uint64_t> elapsed(Ktime from, Ktime to) {
    if (!from.known() || to < from) return std::nullopt;
    return (to.ns - from.ns) / 1000;
}

/// Last sign of life before a write or a failed call, by the socket's own clocks, read at `at`. The
/// last send is no sign of its own where it is that very write.
Ktime last_activity(const Connection& own, const TcpFacts& tcp, Ktime at, Ktime until, bool is_write) {
    Ktime last = own.remembered ? own.remembered->opened : Ktime{};
    const auto consider = [&](Ktime moment) {
        if (moment > last && moment < until) last = moment;
    };
    if (own.remembered) consider(own.remembered->fin_received);
    if (tcp.last_sent_ago_us && !is_write) consider(at - *tcp.last_sent_ago_us * 1000);
    if (tcp.last_received_ago_us) consider(at - *tcp.last_received_ago_us * 1000);
    return last;
}

std::optional<std::uint64_t> idle_of(const Story& story, const std::vector<FailedCall>& calls) {
    const TcpFacts* tcp = facts_of(story, calls);
    if (tcp == nullptr || story.own == nullptr) return std::nullopt;
    Ktime at = calls.empty() ? Ktime{} : calls.front().at;
    if (story.own->error) at = story.own->error->at;
    if (story.own->reset) at = story.own->reset->at;
    if (story.own->reset && was_sent_again(story.own->reset->body.tcp)) return std::nullopt;
    const Ktime write = drawing_write_at(story);
    if (write.known()) return elapsed(last_activity(*story.own, *tcp, at, write, true), write);
    if (calls.empty()) return std::nullopt;
    const Ktime call = calls.front().at;
    return elapsed(last_activity(*story.own, *tcp, at, call, false), call);
}

}  // namespace

const TcpFacts* facts_of(const Story& story, const std::vector<FailedCall>& calls) {
    if (story.own != nullptr && story.own->reset) return &story.own->reset->body.tcp;
    if (story.own != nullptr && story.own->error) return &story.own->error->body.tcp;
    return calls.empty() ? nullptr : &calls.front().body.tcp;
}

EndpointStory endpoint_of(const Story& story, const std::vector<FailedCall>& calls,
                          const std::optional<RstFacts>& rst, Ktime at) {
    const Endpoint& endpoint = story.own != nullptr ? story.own->endpoint : story.failure->endpoint;
    EndpointStory told;
    told.kind = endpoint.kind;
    for (const FailedCall& call : calls) {
        if (!told.fd && call.body.call.fd >= 0) told.fd = call.body.call.fd;
    }
    for (const RaisedSigpipe& sigpipe : story.failure->sigpipes) {
        if (!told.fd && sigpipe.body.call.fd >= 0) told.fd = sigpipe.body.call.fd;
    }
    if (endpoint.kind != EndpointKind::kTcp) {
        if (endpoint.kind == EndpointKind::kPipe) told.local = fmt::format("pipe:[{}]", endpoint.inode());
        add_names(told, story);
        return told;
    }
    told.local = address_text(endpoint.local);
    if (endpoint.remote.port != 0) told.remote = address_text(endpoint.remote);
    told.netns = endpoint.netns;
    told.state = rst ? rst->state : state_at_failure(story, calls);
    if (story.own != nullptr && story.own->remembered) {
        told.age_us = elapsed(story.own->remembered->opened, at);
    }
    told.idle_us = idle_of(story, calls);
    if (const TcpFacts* tcp = facts_of(story, calls)) {
        told.bytes_sent = tcp->bytes_sent;
        told.bytes_acked = tcp->bytes_acked;
        told.bytes_received = tcp->bytes_received;
        if (tcp->rtt_us != 0) told.rtt_us = tcp->rtt_us;
        told.retransmits = tcp->retransmits;
    }
    return told;
}

std::string address_text(const Address& address) {
    constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    const auto& ip = address.ip;
    if (std::equal(kMapped.begin(), kMapped.end(), ip.begin())) {
        return fmt::format(FMT_COMPILE("{}.{}.{}.{}:{}"), ip[12], ip[13], ip[14], ip[15], address.port);
    }
    char text[INET6_ADDRSTRLEN] = "";
    ::inet_ntop(AF_INET6, address.ip.data(), text, sizeof(text));
    return fmt::format("[{}]:{}", text, address.port);
}

bool was_sent_again(const TcpFacts& tcp) { return tcp.sent_again || tcp.timeouts != 0; }

TcpState state_at_failure(const Story& story, const std::vector<FailedCall>& calls) {
    const Connection* own = story.own;
    if (own != nullptr && own->error && own->remembered) return state_at_error(*own);
    if (!calls.empty()) return calls.front().body.endpoint.state;
    return own != nullptr ? own->endpoint.state : story.failure->endpoint.state;
}

bool is_abort(const Story& story) { return story.peer_reset != nullptr && story.peer_reset->body.active; }

Ktime drawing_write_at(const Story& story) {
    if (story.own == nullptr || !story.own->reset || is_abort(story)) return {};
    const ResetReceived& reset = story.own->reset->body;
    if (was_sent_again(reset.tcp)) return {};
    if (reset.endpoint.state == TcpState::kSynSent || reset.tcp.bytes_sent == 0) return {};
    // What is not acknowledged is this end's own FIN alone.
    const bool all_acked = reset.tcp.bytes_sent <= reset.tcp.bytes_acked;
    if (reset.endpoint.state == TcpState::kLastAck && all_acked) return {};
    if (reset.tcp.unacked_sent_ns != 0) return Ktime{reset.tcp.unacked_sent_ns};
    const auto& sent = reset.tcp.last_sent_ago_us;
    const auto& received = reset.tcp.last_received_ago_us;
    if (!sent || !received || *sent >= *received) return {};
    return story.own->reset->at - *sent * 1000;
}

}  // namespace pipetrace
