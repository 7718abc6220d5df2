#include "render/text_renderer.h"

#include "model/quantity_text.h"
#include "render/headline.h"
#include "render/text_layout.h"
#include "render/timeline_table.h"
#include "render/timeline_text.h"
#include "render/utf8.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace pipetrace {
namespace {

constexpr std::size_t kWidthMin = 60;
constexpr std::size_t kNumbersKeptMax = 1024;  ///< an older incident's revision gets a new number
constexpr std::size_t kIndent = 4;
constexpr std::size_t kLabelColumns = kIndent + 9;

Paint severity_paint(Severity severity) {
    switch (severity) {
        case Severity::kFault: return Paint::kRed;
        case Severity::kWarning: return Paint::kYellow;
        case Severity::kBenign: break;
    }
    return Paint::kDim;
}

std::string label(const char* name) { return std::string(kIndent, ' ') + name; }

std::string labelled_text(const char* name, const std::string& text, const TextStyle& style) {
    return labelled(label(name), terminal_safe(text), kLabelColumns, style.width);
}

/// `line` with `last` at the right edge, or on a line of its own where it does not fit.
std::string with_right_edge(const std::string& line, const std::string& last, Paint colour,
                            const TextStyle& style, std::size_t indent) {
    const std::size_t taken = display_width(line) + 2 + display_width(last);
    const std::string painted = paint(last, colour, style.colour);
    if (taken > style.width) return line + '\n' + std::string(indent, ' ') + painted + '\n';
    return line + std::string(style.width - taken + 2, ' ') + painted + '\n';
}

std::string cause_block(const Verdict& verdict, const TextStyle& style) {
    std::string text = labelled_text("Cause", verdict.summary, style);
    if (!text.empty()) text.pop_back();
    const std::size_t line_start = text.rfind('\n') + 1;  // npos + 1 is 0
    const std::string confidence = verdict.confidence == Confidence::kUnknown
                                       ? "confidence unknown"
                                       : confidence_name(verdict.confidence);
    return text.substr(0, line_start) +
           with_right_edge(text.substr(line_start), confidence, Paint::kBold, style, kLabelColumns);
}

/// Who met what, and the cause at the right edge.
std::string head_block(const std::string& lead, const Incident& incident, const TextStyle& style) {
    const std::string outcome = outcome_text(incident);
    std::string head = lead + "  " + outcome;
    if (display_width(head) > style.width) {
        // A long story of calls goes below the name, where it has lines for itself.
        head = lead + '\n' + labelled("", outcome, kIndent, style.width);
        head.pop_back();
    }
    const std::size_t last_line = head.rfind('\n') + 1;  // npos + 1 is 0
    return head.substr(0, last_line) +
           with_right_edge(head.substr(last_line), cause_name(incident.verdict.cause),
                           severity_paint(incident.verdict.severity), style, kIndent);
}

std::string benign_line(const std::string& lead, const Incident& incident, const std::string& chain,
                        std::size_t width) {
    const std::string cause = cause_name(incident.verdict.cause);
    const bool is_named = incident.peer && incident.peer->process.tgid;
    const std::string peer = is_named ? " by " + process_text(incident.peer->process) : std::string();
    const std::string from = chain.empty() ? "" : ", " + chain;
    const std::string outcome = lead + outcome_text(incident) + "  " + cause;
    const std::string short_outcome = lead + short_outcome_text(incident) + "  " + cause;
    const std::string candidates[] = {
        outcome + peer + ", benign" + from, outcome + ", benign" + from,       outcome + peer + ", benign",
        outcome + ", benign",               short_outcome + ", benign" + from, short_outcome + ", benign",
    };
    for (const std::string& line : candidates) {
        if (display_width(line) <= width) return line;
    }
    return candidates[std::size(candidates) - 1];
}

std::string process_details(const char* name, const InvolvedProcess& process, const TextStyle& style) {
    std::vector<std::string> items{process_text(process)};
    const auto add = [&items](const char* what, const std::string& value) {
        items.push_back(std::string(what) + " " + terminal_safe(value));
    };
    if (process.details.exe) add("exe", *process.details.exe);
    if (process.details.cmdline) {
        std::string words;
        for (const std::string& word : *process.details.cmdline) words += (words.empty() ? "" : " ") + word;
        add("command", words);
    }
    if (process.parent_tgid) add("parent", std::to_string(*process.parent_tgid));
    if (process.uid) add("uid", std::to_string(*process.uid));
    if (process.details.cgroup) add("cgroup", *process.details.cgroup);
    if (process.details.container) add("container", *process.details.container);
    if (process.details.runtime) add("run by", container_runtime_name(*process.details.runtime));
    if (process.details.outer_container) add("in container", *process.details.outer_container);
    if (process.details.pod_uid) add("pod", *process.details.pod_uid);
    if (process.details.unit) add("unit", *process.details.unit);
    if (process.details.user_unit) add("user's unit", *process.details.user_unit);
    if (process.namespace_tgid && process.namespace_tgid != process.tgid)
        add("pid inside", std::to_string(*process.namespace_tgid));
    if (process.start_time) {
        add("started", date_text(*process.start_time, style.utc) + " " +
                           time_of_day_text(*process.start_time, style.utc));
    }
    std::string all;
    for (const std::string& item : items) all += (all.empty() ? "" : ", ") + item;
    return labelled(label(name), all, kLabelColumns, style.width);
}

std::string connection_details(const Incident& incident, const TextStyle& style) {
    std::vector<std::string> facts{"id " + incident.id};
    const EndpointStory& endpoint = incident.endpoint;
    if (endpoint.state != TcpState::kUnknown) {
        facts.push_back(std::string("state ") + tcp_state_name(endpoint.state));
    }
    if (endpoint.rtt_us) facts.push_back("RTT " + duration_text(*endpoint.rtt_us));
    if (endpoint.retransmits) facts.push_back(fmt::format("{} retransmits", *endpoint.retransmits));
    if (endpoint.netns) facts.push_back(fmt::format("network namespace {}", *endpoint.netns));
    if (incident.rst) {
        const RstFacts& rst = *incident.rst;
        if (rst.why) facts.push_back("RST reason " + *rst.why);
        if (rst.flags) facts.push_back("RST flags " + *rst.flags);
        if (rst.ttl) facts.push_back(fmt::format("RST TTL {}", *rst.ttl));
        if (rst.handshake_ttl) facts.push_back(fmt::format("handshake TTL {}", *rst.handshake_ttl));
        if (rst.seq) facts.push_back(fmt::format("RST sequence {}", *rst.seq));
    }
    std::string all;
    for (const std::string& fact : facts) all += (all.empty() ? "" : ", ") + fact;
    return labelled_text("Facts", all, style);
}

std::string verbose_block(const Incident& incident, const TextStyle& style) {
    std::string out;
    const bool cites = !incident.verdict.evidence.empty() && !incident.timeline.empty();
    if (cites) out += labelled_text("Evidence", "the lines marked with * above", style);
    const char* name = "Rejected";
    for (const RejectedCause& rejected : incident.verdict.rejected) {
        const std::string text = std::string(cause_name(rejected.cause)) + ": " + rejected.because;
        out += labelled_text(name, text, style);
        name = "";
    }
    if (incident.process.tgid || incident.role == Role::kVictim)
        out += process_details("Process", incident.process, style);
    if (incident.peer && incident.peer->process.tgid) out += process_details("Peer", incident.peer->process, style);
    if (incident.peer && incident.peer->host) out += labelled_text("On host", *incident.peer->host, style);
    out += connection_details(incident, style);
    return out;
}

/// The gap between the endpoint's ends and its figures is wider than a comma.
std::string endpoint_block(const Incident& incident, const TextStyle& style) {
    std::vector<std::string> items = endpoint_items(incident.endpoint);
    if (const auto& container = incident.process.details.container) {
        const auto runtime = incident.process.details.runtime;
        const std::string kind = runtime ? container_runtime_name(*runtime) : "container";
        items.push_back("in " + kind + " " + terminal_safe(std::string(short_container_id(*container))));
    }
    const bool has_ends = incident.endpoint.local || incident.endpoint.remote;
    if (has_ends && items.size() > 1) {
        const std::string both = items[0] + "   " + items[1];
        if (kIndent + display_width(both) + 1 <= style.width) {
            items[1] = both;
            items.erase(items.begin());
        }
    }
    return wrap_items(items, kIndent, style.width);
}

/// Load was shed when it was told.
std::string sampled_text(const std::optional<Sampled>& sampled) {
    if (!sampled) return "";
    const double percent = static_cast<double>(sampled->share_millionths) / 10'000;
    return fmt::format("under load: {:.3g} % of the connections are told; {} {} only counted so far", percent,
                       sampled->counted_only, sampled->counted_only == 1 ? "incident was" : "incidents were");
}

}  // namespace

TextRenderer::TextRenderer(ClockOffsets clocks, TextStyle style) : clocks_(clocks), style_(style) {
    style_.width = std::max(style.width, kWidthMin);
}

std::uint64_t TextRenderer::number_of(const Incident& incident) {
    const auto known = numbers_.find(incident.id);
    if (known != numbers_.end()) return known->second;
    if (ids_by_age_.size() == kNumbersKeptMax) {
        numbers_.erase(ids_by_age_.front());
        ids_by_age_.pop_front();
    }
    ids_by_age_.push_back(incident.id);
    return numbers_[incident.id] = ++last_number_;
}

/// "#3", or its id where it has not been printed here.
std::string TextRenderer::reference(const std::string& id) const {
    const auto number = numbers_.find(id);
    return number == numbers_.end() ? "incident " + terminal_safe(id) : fmt::format("#{}", number->second);
}

std::string TextRenderer::chain_text(const Incident& incident) const {
    if (!incident.caused_by) return "";
    const std::string text = "brought about by " + reference(*incident.caused_by);
    const bool longer = incident.root && *incident.root != *incident.caused_by;
    return longer ? text + "; it began with " + reference(*incident.root) : text;
}

void TextRenderer::render(const Incident& incident, std::string& out) {
    const Verdict& verdict = incident.verdict;
    const std::string number = fmt::format("#{}", number_of(incident));
    const std::string revision =
        incident.revision == 0 ? "" : fmt::format(" (revision {})", incident.revision);
    const std::string lead =
        fmt::format("{}{}  {}  {}", number, revision, time_of_day_text(clocks_.wall(incident.at), style_.utc),
                    actor_text(incident));
    if (verdict.severity == Severity::kBenign && !style_.verbose) {
        const std::string from = incident.caused_by ? "from " + reference(*incident.caused_by) : "";
        const std::string line = benign_line(lead + "  ", incident, from, style_.width);
        out += paint(line, Paint::kDim, style_.colour) + '\n';
        return;
    }
    const std::string head = head_block(lead, incident, style_);
    out += paint(number, Paint::kBold, style_.colour) + head.substr(number.size());
    if (incident.revision == 0 || style_.verbose) {
        out += endpoint_block(incident, style_) + '\n';
        out += timeline_table(incident, style_);
        if (!incident.timeline.empty()) out += '\n';
    }
    out += cause_block(verdict, style_);
    if (incident.revision == 0) out += labelled_text("Advice", verdict.advice, style_);
    out += labelled_text("Chain", chain_text(incident), style_);
    if (incident.revision == 0 || style_.verbose) out += labelled_text("Log", log_note(incident), style_);
    if (incident.lost > 0) {
        out += labelled_text("Lost", fmt::format("{} events, while this went on", incident.lost), style_);
    }
    out += labelled_text("Sampled", sampled_text(incident.sampled), style_);
    if (style_.verbose) out += verbose_block(incident, style_);
    out += '\n';
}

}  // namespace pipetrace
