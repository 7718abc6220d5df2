#include "render/report_text.h"

#include "model/quantity_text.h"
#include "render/burst_text.h"
#include "render/text_layout.h"
#include "render/utf8.h"

#include <fmt/format.h>

#include <algorithm>

namespace pipetrace {
namespace {

constexpr std::size_t kTgidsNamedMax = 8;

std::string plural(std::uint64_t count, const char* one) {
    return fmt::format("{} {}{}", count, one, count == 1 ? "" : "s");
}

std::string target_text(const TraceTarget& target) {
    const char* children = target.follow_children ? " and its children" : "";
    if (!target.command.empty()) return terminal_safe(target.command) + children;
    if (target.tgids.empty()) return "the whole system";
    if (target.tgids.size() == 1) return fmt::format("pid {}{}", target.tgids[0], children);
    std::string list;
    for (std::size_t i = 0; i < std::min(target.tgids.size(), kTgidsNamedMax); ++i) {
        list += fmt::format("{}{}", i == 0 ? "" : ", ", target.tgids[i]);
    }
    if (target.tgids.size() > kTgidsNamedMax) {
        list += fmt::format(" and {} more", target.tgids.size() - kTgidsNamedMax);
    }
    return fmt::format("pids {}{}", list, target.follow_children ? " and their children" : "");
}

std::string completeness_text(const HookReport& report) {
    const std::size_t missing = report.missing_count();
    if (missing == 0) return "nothing missing";
    return plural(missing, "observation") + " limited (pipetrace doctor)";
}

std::uint64_t lost_in(const TraceSummary& summary) {
    std::uint64_t lost = 0;
    for (const auto& [kind, count] : summary.lost_by_kind) lost += count;
    return lost;
}

std::string lost_text(const TraceSummary& summary) {
    const std::uint64_t lost = lost_in(summary);
    if (lost == 0) return "no events lost";
    std::string kinds;
    for (const auto& [kind, count] : summary.lost_by_kind) {
        if (count > 0) kinds += fmt::format("{}{} {}", kinds.empty() ? "" : ", ", kind, count);
    }
    return fmt::format("{} lost ({})", plural(lost, "event"), kinds);
}

/// "2 bursts: 12 x peer_reset of ..., all silent for 350 s; 5 x ...", or "" without any.
std::string bursts_text(const TraceSummary& summary) {
    std::string stories;
    for (const BurstStory& story : summary.bursts) {
        const std::string pattern = burst_pattern_text(story);
        stories +=
            (stories.empty() ? "" : "; ") + burst_headline(story) + (pattern.empty() ? "" : ", " + pattern);
    }
    if (stories.empty()) return "";
    const std::uint64_t unnamed = summary.burst_count - summary.bursts.size();
    if (unnamed > 0) stories += fmt::format("; and {} more", unnamed);
    return fmt::format("{}: {}.", plural(summary.burst_count, "burst"), stories);
}

/// "ok", "limited", "none": what a person looks for first.
std::string standing(const ObservationStatus& status, bool colour) {
    constexpr std::size_t kColumns = 9;
    const bool unseen = status.hook.empty();
    const char* word = status.complete() ? "ok" : unseen ? "none" : "limited";
    const Paint shade = status.complete() ? Paint::kGreen : unseen ? Paint::kRed : Paint::kYellow;
    return paint(pad_right(word, kColumns), shade, colour);
}

}  // namespace

std::string readiness_line(const HookReport& report, const TraceTarget& target) {
    const char* end = target.command.empty() ? "Ctrl-C ends." : "Ends with the command.";
    const std::string into = target.recording.empty() ? "" : " into " + terminal_safe(target.recording);
    const std::string metrics =
        target.metrics.empty() ? "" : fmt::format(", metrics on http://{}/metrics", target.metrics);
    return fmt::format("pipetrace: tracing {}{}{}: {} mode, {}, {}. {}\n", target_text(target), into, metrics,
                       mode_name(report.mode), plural(report.hook_count, "hook"), completeness_text(report),
                       end);
}

namespace {

/// What of it lowers what an incident tells is said there.
std::string evictions_text(const Evictions& evictions) {
    std::string tables;
    evictions.for_each([&](Table table, std::uint64_t count) {
        if (count > 0) tables += fmt::format("{}{} {}", tables.empty() ? "" : ", ", table_name(table), count);
    });
    return tables.empty() ? "" : "Forgotten early because a table was full: " + tables + ".";
}

}  // namespace

std::string status_line(const TraceSummary& so_far, std::uint64_t elapsed_seconds, std::size_t width) {
    const std::uint64_t lost = lost_in(so_far);
    const std::string parts[] = {
        fmt::format("tracing for {}", elapsed_seconds < 120 ? fmt::format("{} s", elapsed_seconds)
                                                            : duration_text(elapsed_seconds * 1'000'000)),
        plural(so_far.incidents, "incident"),
        fmt::format("resets {} in, {} out", so_far.resets_received, so_far.resets_sent),
        plural(so_far.events, "event"),
        lost == 0 ? std::string() : fmt::format("{} lost", lost),
    };
    std::string line;
    for (const std::string& part : parts) {
        if (part.empty()) continue;
        const std::string longer = line + (line.empty() ? "" : ", ") + part;
        if (display_width(longer) > width) break;
        line = longer;
    }
    return line;
}

std::string summary_text(const TraceSummary& summary, std::size_t width) {
    constexpr std::size_t kIndent = 11;  // of "pipetrace: "
    std::string counts = fmt::format(
        "{}; resets: {} received, {} sent; {}, {}.", plural(summary.incidents, "incident"),
        summary.resets_received, summary.resets_sent, plural(summary.events, "event"), lost_text(summary));
    std::string out = labelled("pipetrace:", counts, kIndent, width);
    if (summary.counted_only > 0) {
        out += labelled("", plural(summary.counted_only, "more incident") + " only counted: load was shed.",
                        kIndent, width);
    }
    out += labelled("", bursts_text(summary), kIndent, width);
    if (summary.endpoints_older_than_trace > 0) {
        const bool one = summary.endpoints_older_than_trace == 1;
        out += labelled(
            "",
            fmt::format("{} {} older than the trace: what came before is null, or "
                        "read from the socket's state.",
                        plural(summary.endpoints_older_than_trace, "endpoint"), one ? "was" : "were"),
            kIndent, width);
    }
    out += labelled("", evictions_text(summary.evicted), kIndent, width);
    return out;
}

std::string doctor_text(const HookReport& report, std::size_t width, bool colour) {
    std::size_t title_columns = 0;
    for (const ObservationStatus& status : report.observations) {
        title_columns = std::max(title_columns, display_width(status.title));
    }
    std::string out = fmt::format("Kernel {}: {} mode, {}.\n\n", terminal_safe(report.kernel),
                                  mode_name(report.mode), plural(report.hook_count, "hook"));
    for (const ObservationStatus& status : report.observations) {
        const std::string hook = status.hook.empty() ? "no hook" : terminal_safe(status.hook);
        out += "  " + standing(status, colour) + pad_right(terminal_safe(status.title), title_columns + 2) +
               hook + '\n';
        constexpr std::size_t kIndent = 17;
        out += labelled("           lost", terminal_safe(status.lost), kIndent, width);
        out += labelled("           why", terminal_safe(status.why), kIndent, width);
    }
    const std::size_t missing = report.missing_count();
    const std::size_t all = report.observations.size();
    out += missing == 0
               ? fmt::format("\nNothing is missing: {} of {} can be made in full.\n", all,
                             plural(all, "observation"))
               : fmt::format("\n{} of {} limited or missing.\n", missing, plural(all, "observation"));
    return out;
}

}  // namespace pipetrace
