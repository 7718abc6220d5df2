#include "render/timeline_table.h"

#include "model/quantity_text.h"
#include "render/text_layout.h"
#include "render/timeline_text.h"
#include "render/utf8.h"

#include <algorithm>
#include <vector>

namespace pipetrace {
namespace {

constexpr std::size_t kTimeColumns = 11;  ///< the evidence mark and "-123.4 ms"
constexpr std::size_t kSideColumns = 9;
constexpr std::size_t kWideTerminal = 100;  ///< from here on there is room to indent

struct Columns {
    std::size_t indent = 0;
    std::size_t note = 0;  ///< where notes begin, counted from the sentence
    std::size_t room = 0;  ///< for sentence and note

    std::size_t left() const { return indent + kTimeColumns + 2 + kSideColumns; }
};

std::string when_text(const TimelineEntry& entry, Ktime incident_at) {
    if (!entry.time_known) return "earlier   ";
    if (!entry.at.known() || !incident_at.known()) return "?   ";
    return offset_text(microseconds_between(incident_at, entry.at));
}

struct Row {
    Ktime at;
    std::string when;
    const char* side = "";
    EntryText text;
    bool is_cited = false;
};

/// The rightmost note column that leaves room for the notes beside the sentences it clears.
Columns fit_columns(const std::vector<Row>& rows, std::size_t width) {
    Columns columns;
    columns.indent = width >= kWideTerminal ? 4 : 0;
    columns.room = width - columns.left();
    std::vector<const EntryText*> noted;
    for (const Row& row : rows) {
        if (!row.text.note.empty()) noted.push_back(&row.text);
    }
    std::sort(noted.begin(), noted.end(), [](const EntryText* a, const EntryText* b) {
        return display_width(a->sentence) < display_width(b->sentence);
    });
    std::size_t widest_note = 0;
    for (const EntryText* text : noted) {
        widest_note = std::max(widest_note, display_width(text->note));
        const std::size_t column = display_width(text->sentence) + 2;
        if (column + widest_note > columns.room) break;
        columns.note = column;
    }
    return columns;
}

/// Sentence and note as lines that fit beside time and side.
std::vector<std::string> body_lines(const EntryText& text, const Columns& columns) {
    std::vector<std::string> lines = wrap(text.sentence, columns.room);
    if (text.note.empty()) return lines;
    const std::size_t note_columns = display_width(text.note);
    const std::size_t taken = lines.empty() ? 0 : display_width(lines.back()) + 2;
    // In the column where it can be, beside a longer sentence where there is room, else below.
    const std::size_t column = std::max(taken, columns.note);
    if (lines.size() == 1 && column + note_columns <= columns.room) {
        lines.back() = pad_right(lines.back(), column) + text.note;
        return lines;
    }
    const bool column_fits = columns.note + note_columns <= columns.room;
    const std::size_t indent = column_fits && columns.note > 0 ? columns.note : 2;
    for (const std::string& line : wrap(text.note, columns.room - indent)) {
        lines.push_back(std::string(indent, ' ') + line);
    }
    return lines;
}

/// What the program itself said stands among what the kernel saw, at the time when it was seen.
void add_log_rows(const Incident& incident, std::vector<Row>& rows) {
    if (!incident.log) return;
    const auto& lines = incident.log->lines;
    const bool is_one_file = std::all_of(lines.begin(), lines.end(),
                                         [&](const LogLine& line) { return line.file == lines.front().file; });
    for (const LogLine& line : lines) {
        const auto after = std::find_if(rows.begin(), rows.end(), [&](const Row& row) { return row.at > line.at; });
        rows.insert(after, {line.at, offset_text(microseconds_between(incident.at, line.at)), "log",
                            log_line_text(line, !is_one_file), false});
    }
}

std::vector<Row> rows_of(const Incident& incident) {
    const std::vector<std::size_t>& evidence = incident.verdict.evidence;
    std::vector<Row> rows;
    for (std::size_t i = 0; i < incident.timeline.size(); ++i) {
        const TimelineEntry& entry = incident.timeline[i];
        rows.push_back({entry.at, when_text(entry, incident.at), side_name(entry.side),
                        entry_text(entry, incident),
                        std::find(evidence.begin(), evidence.end(), i) != evidence.end()});
    }
    add_log_rows(incident, rows);
    return rows;
}

}  // namespace

std::string timeline_table(const Incident& incident, const TextStyle& style) {
    const std::vector<Row> rows = rows_of(incident);
    const Columns columns = fit_columns(rows, style.width);
    std::string out;
    for (const Row& row : rows) {
        std::string when = pad_left(row.when, kTimeColumns);
        if (style.verbose && row.is_cited) when[0] = '*';
        std::string lead = std::string(columns.indent, ' ') +
                           paint(when, row.at == incident.at ? Paint::kBold : Paint::kDim, style.colour) +
                           "  " + pad_right(row.side, kSideColumns);
        for (const std::string& line : body_lines(row.text, columns)) {
            out += lead + line + '\n';
            lead.assign(columns.left(), ' ');
        }
    }
    return out;
}

}  // namespace pipetrace
