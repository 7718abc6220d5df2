#include "render/burst_text.h"

#include "model/errno_name.h"
#include "model/quantity_text.h"
#include "render/text_layout.h"
#include "render/utf8.h"

#include <fmt/format.h>

namespace pipetrace {
namespace {

constexpr std::size_t kIndent = 4;
constexpr std::size_t kLabelColumns = kIndent + 9;
constexpr std::size_t kBurstColumns = 7;

std::string name_of(const std::string& comm, const std::optional<Tgid>& tgid) {
    return terminal_safe(comm) + (tgid ? fmt::format("[{}]", *tgid) : "");
}

/// The peer's process where one is known, else the host, else nothing.
std::string origin_text(const BurstStory& story) {
    if (story.peer_comm) return " by " + name_of(*story.peer_comm, story.peer_tgid);
    const std::string direction = is_origin(story.cause) ? " to " : " from ";
    if (story.remote_host) return direction + terminal_safe(*story.remote_host);
    return story.kind == EndpointKind::kTcp ? direction + "several hosts" : "";
}

std::string pattern_sentence(const BurstStory& story) {
    switch (story.burst.pattern) {
        case BurstPattern::kSameIdleAge:
            return fmt::format("All had been silent for the same time, {} to {}: a timer on the way (NAT, "
                               "balancer, firewall) or of the peer ends connections of that age.",
                               duration_text(*story.idle_us_min), duration_text(*story.idle_us_max));
        case BurstPattern::kOneInstant:
            return fmt::format(
                "All were open side by side and broke within {}: one event ended them{}.",
                duration_text(story.instants_us),
                story.peer_tgid || is_origin(story.cause) ? "" : " (a failover, a restart, a firewall)");
        case BurstPattern::kNoBytes:
            return "None carried a byte or lived for more than a moment: health checks, or a port scan.";
        case BurstPattern::kAlike: break;
    }
    return "";
}

const char* pattern_advice(const BurstStory& story) {
    switch (story.burst.pattern) {
        case BurstPattern::kSameIdleAge:
            return "Close idle connections sooner than that, or send keepalives more often (SO_KEEPALIVE "
                   "with TCP_KEEPIDLE).";
        case BurstPattern::kOneInstant:
            if (is_origin(story.cause))
                return "Look for what the program did at this moment, not at each connection.";
            return "Look for what happened at this moment at the other end and on the way there, not at "
                   "each connection.";
        case BurstPattern::kNoBytes:
            return "Nothing to do; a checker that closes in order would leave no RST.";
        case BurstPattern::kAlike: break;
    }
    return "";
}

}  // namespace

std::string burst_headline(const BurstStory& story) {
    const std::string nobody = story.cause == Cause::kNoSocket ? "the kernel" : "?";
    return fmt::format("{} x {} of {}{} in {}", story.burst.size, cause_name(story.cause),
                       name_of(story.comm.empty() ? nobody : story.comm, story.tgid), origin_text(story),
                       duration_text(story.burst.window_us));
}

std::string burst_pattern_text(const BurstStory& story) {
    switch (story.burst.pattern) {
        case BurstPattern::kSameIdleAge: return "all silent for " + duration_text(*story.idle_us_max);
        case BurstPattern::kOneInstant: return "all broke within " + duration_text(story.instants_us);
        case BurstPattern::kNoBytes: return "none carried a byte";
        case BurstPattern::kAlike: break;
    }
    return "";
}

std::string burst_block(const BurstStory& story, const ClockOffsets& clocks, const TextStyle& style) {
    const std::string pattern = burst_pattern_text(story);
    const bool benign = story.severity == Severity::kBenign;
    std::string lead = fmt::format("{}: {}", time_of_day_text(clocks.wall(story.first_at), style.utc),
                                   burst_headline(story));
    if (benign) lead += (pattern.empty() ? "" : ", " + pattern) + ", benign";
    std::string head = labelled("Burst", lead, kBurstColumns, style.width);
    head.pop_back();
    std::string out = paint(head, benign ? Paint::kDim : Paint::kBold, style.colour) + '\n';
    if (benign) return out;
    const auto add = [&](const char* label, const std::string& text) {
        out += labelled(std::string(kIndent, ' ') + label, text, kLabelColumns, style.width);
    };
    if (story.error) add("Told", "each " + errno_name(*story.error) + " first");
    add("Pattern", pattern_sentence(story));
    add("Advice", pattern_advice(story));
    return out + '\n';
}

}  // namespace pipetrace
