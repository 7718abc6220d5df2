#include "render/postmortem_text.h"

#include "model/quantity_text.h"
#include "render/text_layout.h"
#include "render/utf8.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <map>
#include <set>

namespace pipetrace {
namespace {

constexpr std::int64_t kSecondNs = 1'000'000'000;
constexpr std::size_t kTracesNamedMax = 4;
constexpr std::size_t kRowsMax = 10;  // of each table
constexpr std::size_t kBarsMax = 24;

std::string counted(std::uint64_t count, const char* one, const char* many) {
    return fmt::format("{} {}", count, count == 1 ? one : many);
}

std::string moment(WallTime at, bool utc) { return date_text(at, utc) + " " + time_of_day_text(at, utc); }

/// Without fractions and zone: the tables' columns.
std::string short_moment(WallTime at, bool utc) {
    return date_text(at, utc) + " " + time_of_day_text(at, utc).substr(0, 8);
}

std::string trace_line(const PostmortemTrace& trace, const TextStyle& style) {
    const std::string end =
        trace.ended ? "to " + moment(*trace.ended, style.utc) : "and not ended in order (or still running)";
    const std::string line =
        fmt::format("{}: {}, kernel {}, from {} {}{}.", terminal_safe(trace.file), terminal_safe(trace.host),
                    terminal_safe(trace.kernel), moment(trace.started, style.utc), end,
                    trace.redacted ? ", redacted" : "");
    return labelled("", line, 0, style.width);
}

std::string traces_text(const Postmortem& postmortem, const TextStyle& style) {
    std::string out;
    const std::size_t shown = std::min(postmortem.traces.size(), kTracesNamedMax);
    for (std::size_t i = 0; i < shown; ++i) out += trace_line(postmortem.traces[i], style);
    const std::size_t hidden = postmortem.traces.size() - shown;
    if (hidden > 0) out += fmt::format("And {}.\n", counted(hidden, "trace more", "traces more"));
    return out;
}

std::string totals_text(const Postmortem& postmortem, const TextStyle& style) {
    const SeverityCounts& counts = postmortem.by_severity;
    const auto of = [&](Severity severity) { return count_of(counts, severity); };
    std::string text =
        fmt::format("{}: {}, {}, {} benign", counted(total_of(counts), "incident", "incidents"),
                    counted(of(Severity::kFault), "fault", "faults"),
                    counted(of(Severity::kWarning), "warning", "warnings"), of(Severity::kBenign));
    if (postmortem.first) {
        text += fmt::format("; from {} to {}", moment(*postmortem.first, style.utc),
                            moment(*postmortem.last, style.utc));
    }
    return labelled("", text + ".", 0, style.width);
}

std::string sampling_text(const Postmortem& postmortem, const TextStyle& style) {
    return labelled("", counted_only_sentence(postmortem.counted_only), 0, style.width);
}

std::string losses_text(const Postmortem& postmortem, const TextStyle& style) {
    std::uint64_t lost = 0;
    std::string kinds;
    for (const auto& [kind, count] : postmortem.lost_by_kind) {
        lost += count;
        kinds += fmt::format("{}{} {}", kinds.empty() ? "" : ", ", terminal_safe(kind), count);
    }
    const bool all_ended = std::all_of(postmortem.traces.begin(), postmortem.traces.end(),
                                       [](const PostmortemTrace& trace) { return trace.ended.has_value(); });
    if (lost == 0 && all_ended) return "No events were lost.\n";
    if (lost == 0)
        return "No events are known to be lost; the end of a trace, which has the count, is missing.\n";
    const std::string text = fmt::format("{} lost ({}): verdicts of that time say less.",
                                         counted(lost, "event was", "events were"), kinds);
    return labelled("", text, 0, style.width);
}

/// "incidents   faults  process  mostly       last", or a line of that table.
std::string table_line(const std::string& incidents, const std::string& faults, const std::string& name,
                       std::size_t name_columns, const std::string& mostly, const std::string& last) {
    constexpr std::size_t kCauseColumns = 25;
    return fmt::format("{} {}  {}  {}{}", pad_left(incidents, 9), pad_left(faults, 8),
                       pad_right(name, name_columns), mostly.empty() ? "" : pad_right(mostly, kCauseColumns),
                       last);
}

std::string group_line(const IncidentGroup& group, bool with_cause, std::size_t name_columns,
                       const TextStyle& style) {
    const std::string line = table_line(
        std::to_string(total_of(group.by_severity)),
        std::to_string(count_of(group.by_severity, Severity::kFault)), terminal_safe(group.name),
        name_columns, with_cause ? cause_name(group.main_cause()) : "", short_moment(group.last, style.utc));
    return paint(line, group.worst == Severity::kBenign ? Paint::kDim : Paint::kNone, style.colour) + '\n';
}

/// `what` the names are of; with_cause: and the cause that most of each have.
std::string groups_text(const char* what, const std::vector<IncidentGroup>& groups, std::uint64_t unnamed,
                        bool with_cause, const TextStyle& style) {
    if (groups.empty()) return "";
    const std::size_t shown = std::min(groups.size(), kRowsMax);
    std::size_t name_columns = display_width(what);
    std::uint64_t hidden = unnamed;
    for (std::size_t i = 0; i < groups.size(); ++i) {
        if (i < shown) name_columns = std::max(name_columns, display_width(terminal_safe(groups[i].name)));
        if (i >= shown) hidden += total_of(groups[i].by_severity);
    }
    const std::string head =
        table_line("incidents", "faults", what, name_columns, with_cause ? "mostly" : "", "last");
    std::string out = '\n' + paint(head, Paint::kBold, style.colour) + '\n';
    for (std::size_t i = 0; i < shown; ++i) out += group_line(groups[i], with_cause, name_columns, style);
    if (hidden > 0) {
        const std::size_t names = groups.size() - shown;
        out += fmt::format("{}           of {}\n", pad_left(std::to_string(hidden), 9),
                           unnamed > 0 ? "very many others" : counted(names, "other", "others"));
    }
    return out;
}

/// A step that a person counts in, so that there are few enough bars.
std::int64_t bar_seconds(std::int64_t span_seconds, std::int64_t slice_seconds) {
    constexpr std::array<std::int64_t, 10> kSteps{60,    300,   900,   3600,   10800,
                                                  21600, 43200, 86400, 604800, 2592000};
    for (const std::int64_t step : kSteps) {
        if (step >= slice_seconds && span_seconds / step < static_cast<std::int64_t>(kBarsMax)) return step;
    }
    return std::max(slice_seconds, span_seconds / static_cast<std::int64_t>(kBarsMax) + 1);
}

/// Seconds that local time is ahead of UTC there, so that days begin at midnight.
std::int64_t zone_seconds(WallTime at, bool utc) {
    if (utc) return 0;
    const std::time_t clock = at.ns / kSecondNs;
    std::tm local{};
    return ::localtime_r(&clock, &local) != nullptr ? local.tm_gmtoff : 0;
}

std::string times_text(const Postmortem& postmortem, const TextStyle& style) {
    if (postmortem.by_time.size() < 2) return "";
    const std::int64_t slice = postmortem.slice_seconds;
    const std::int64_t span =
        (postmortem.by_time.rbegin()->first - postmortem.by_time.begin()->first) * slice;
    const std::int64_t step = bar_seconds(span, slice);
    const std::int64_t zone = zone_seconds(*postmortem.last, style.utc);
    std::map<std::int64_t, std::uint64_t> bars;
    std::uint64_t highest = 1;
    for (const auto& [number, counts] : postmortem.by_time) {
        std::uint64_t& bar = bars[(number * slice + zone) / step];
        bar += total_of(counts);
        highest = std::max(highest, bar);
    }
    const auto longest = static_cast<double>(std::clamp<std::size_t>(style.width, 60, 120) - 35);
    std::string out = '\n' + paint("incidents  when", Paint::kBold, style.colour) + '\n';
    for (const auto& [number, count] : bars) {
        const WallTime from{(number * step - zone) * kSecondNs};
        const auto length =
            static_cast<std::size_t>(longest * static_cast<double>(count) / static_cast<double>(highest));
        out += fmt::format("{}  {} {}\n", pad_left(std::to_string(count), 9),
                           short_moment(from, style.utc).substr(0, 16),
                           std::string(std::max<std::size_t>(length, 1), '#'));
    }
    return out;
}

std::string next_step(const Postmortem& postmortem) {
    if (postmortem.causes.empty()) return "";
    std::set<std::string> files;
    for (const PostmortemTrace& trace : postmortem.traces) files.insert(terminal_safe(trace.file));
    std::string command = "pipetrace report --id " + terminal_safe(postmortem.causes.front().worst_id);
    for (const std::string& file : files) command += " " + file;
    return "\nOne in full:\n  " + command + "\n";
}

}  // namespace

std::string recorded_story_text(const IncidentRow& row, const TextStyle& style) {
    constexpr std::size_t kIndent = 13;
    const std::string process = row.comm ? terminal_safe(*row.comm) : "no process";
    const std::string told = row.errors.empty() ? "no program was told" : terminal_safe(row.errors);
    std::string out =
        fmt::format("{}, on {}\n{}{}  {}  {}\n", moment(row.time, style.utc), terminal_safe(row.host),
                    process, row.pid ? fmt::format("[{}]", *row.pid) : "", told, cause_name(row.cause));
    if (row.local || row.remote) {
        out += fmt::format("    {} > {}\n", terminal_safe(row.local.value_or("?")),
                           terminal_safe(row.remote.value_or("?")));
    }
    const std::string cause = row.summary + " (" + confidence_name(row.confidence) + ")";
    out += '\n' + labelled("    Cause", terminal_safe(cause), kIndent, style.width);
    out += labelled("    Advice", terminal_safe(row.advice), kIndent, style.width);
    return out + labelled("    Pruned",
                          "the events behind it are not in the recording any more: this is what was "
                          "said when it was recorded.",
                          kIndent, style.width);
}

std::string counted_only_sentence(std::uint64_t incidents) {
    if (incidents == 0) return "";
    return fmt::format("{} only counted, while load was shed: a share of the connections was told then.",
                       counted(incidents, "more incident was", "more incidents were"));
}

std::string postmortem_text(const Postmortem& postmortem, const TextStyle& style) {
    std::string out = traces_text(postmortem, style);
    out += totals_text(postmortem, style) + sampling_text(postmortem, style) + losses_text(postmortem, style);
    for (const std::string& note : postmortem.notes) out += labelled("", terminal_safe(note), 0, style.width);
    out += groups_text("cause", postmortem.causes, 0, false, style);
    out += groups_text("process", postmortem.processes, postmortem.processes_unnamed, true, style);
    out += groups_text("peer", postmortem.peers, postmortem.peers_unnamed, true, style);
    out += times_text(postmortem, style);
    return out + next_step(postmortem);
}

}  // namespace pipetrace
