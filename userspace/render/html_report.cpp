#include "render/html_report.h"

#include "render/html_assets.h"
#include "render/html_text.h"
#include "render/json_slice.h"
#include "render/json_text.h"

namespace pipetrace {
namespace {

/// A browser takes scripts of this size in one step, and an opened incident has to search no more than this.
constexpr std::size_t kChunkBytes = 256 * 1024;

/// The list's fields in the order that html/incidents.js reads them in.
constexpr std::string_view kColumns[][2] = {
    {"id", ""},
    {"revision", ""},
    {"time", ""},
    {"role", ""},
    {"host", "name"},
    {"process", "comm"},
    {"process", "pid"},
    {"process", "container"},
    {"endpoint", "kind"},
    {"endpoint", "local"},
    {"endpoint", "remote"},
    {"sigpipe", ""},
    {"rst", "direction"},
    {"rst", "state"},
    {"peer", "comm"},
    {"peer", "pid"},
    {"peer", "host"},
    {"verdict", "cause"},
    {"verdict", "confidence"},
    {"verdict", "severity"},
    {"verdict", "summary"},
    {"caused_by", ""},
    {"burst", "id"},
};

/// `["id",0,...,["EPIPE",3]]`: the columns, then each error's name and count.
void append_row(std::string& out, const JsonSlice& incident) {
    out += '[';
    for (const auto& [outer, inner] : kColumns) {
        const JsonSlice value = inner.empty() ? incident[outer] : incident[outer][inner];
        append_in_script(out, value.text());
        out += ',';
    }
    out += '[';
    bool is_first = true;
    for (const JsonSlice& error : incident["errors"].items()) {
        if (!std::exchange(is_first, false)) out += ',';
        append_in_script(out, error["errno"].text());
        out += ',';
        append_in_script(out, error["count"].text());
    }
    out += "]]";
}

void append_recording(JsonText& out, const PostmortemTrace& recording) {
    out += '{';
    out.first_field("file", recording.file);
    out.field("host", recording.host);
    out.field("kernel", recording.kernel);
    out.field("version", recording.version);
    out.field("started", recording.started);
    out.field("ended", recording.ended);
    out += '}';
}

std::string context_json(const HtmlContext& context) {
    std::string json;
    JsonText out(json);
    out += '{';
    out.first_field("generated_by", context.generated_by);
    out.field("generated_at", context.generated_at);
    out.array("recordings", context.recordings,
              [&](const PostmortemTrace& recording) { append_recording(out, recording); });
    out.field("selection", context.selection);
    out.field("incidents", context.incidents);
    out.field("events", context.events);
    out.array("lost_by_kind", context.lost_by_kind, [&](const auto& lost) {
        out += '{';
        out.first_field("kind", lost.first);
        out.field("count", lost.second);
        out += '}';
    });
    out.array("notes", context.notes, [&](const std::string& note) { out.value(note); });
    out += '}';
    return json;
}

std::string script_of(std::string_view name, std::string_view content) {
    std::string out = R"(<script type="application/json" class=")";
    out += name;
    out += "\">\n";
    out += content;
    return out += "\n</script>\n";
}

}  // namespace

void HtmlReport::begin(std::string_view title) {
    sink_(html_before_title());
    sink_(markup_safe(title));
    sink_(html_before_incidents());
}

void HtmlReport::add(std::string_view incident_line) {
    while (incident_line.ends_with('\n')) incident_line.remove_suffix(1);
    index_ += index_.empty() ? "" : ",\n";
    append_row(index_, JsonSlice(incident_line));
    details_ += details_.empty() ? "" : "\n";
    append_in_script(details_, incident_line);
    ++count_;
    if (details_.size() >= kChunkBytes) flush();
}

void HtmlReport::flush() {
    if (index_.empty()) return;
    sink_(script_of("index", "[" + index_ + "]"));
    sink_(script_of("details", details_));
    index_.clear();
    details_.clear();
}

void HtmlReport::finish(const HtmlContext& context) {
    flush();
    std::string in_script;
    append_in_script(in_script, context_json(context));
    sink_(script_of("context", in_script));
    sink_(html_after_incidents());
}

}  // namespace pipetrace
