// What stands in a story for the lines of its program's log.
#include "model/quantity_text.h"
#include "render/timeline_text.h"
#include "render/utf8.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace pipetrace {
namespace {

/// A stack trace is indented with tabs.
std::string without_tabs(std::string text) {
    std::replace(text.begin(), text.end(), '\t', ' ');
    return text;
}

std::string names_of(const std::vector<LogLine>& lines) {
    std::vector<std::string> names;
    for (const LogLine& line : lines) {
        if (std::find(names.begin(), names.end(), line.file) == names.end()) names.push_back(line.file);
    }
    std::string all;
    for (const std::string& name : names) all += (all.empty() ? "" : ", ") + terminal_safe(name);
    return all;
}

}  // namespace

EntryText log_line_text(const LogLine& line, bool names_file) {
    const std::string name =
        names_file ? terminal_safe(line.file.substr(line.file.rfind('/') + 1)) + ": " : "";
    const char* more = line.is_cut ? " ..." : "";
    const std::string late =
        line.late_ns == 0 ? "" : fmt::format("seen late, by up to {}", duration_text(line.late_ns / 1000));
    return {name + terminal_safe(without_tabs(line.text)) + more, late};
}

std::string log_note(const Incident& incident) {
    if (!incident.log) return "";
    const JoinedLog& log = *incident.log;
    if (!log.is_known) return "Its lines were not kept until this could be told.";
    std::string note = log.lines.empty()
                           ? "No line came around this failure."
                           : fmt::format(
                                 "Lines of {}, at the times when they were seen: some milliseconds after "
                                 "they were written.",
                                 names_of(log.lines));
    if (log.left_out > 0)
        note += fmt::format(" {} more {} left out, which say less of it or are further from it in time.",
                            log.left_out, log.left_out == 1 ? "is" : "are");
    if (log.skipped_bytes > 0)
        note += fmt::format(" {} were passed over: more came than is read.", size_text(log.skipped_bytes));
    return note;
}

}  // namespace pipetrace
