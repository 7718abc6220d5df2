// `pipetrace report`: the postmortem. Explains recordings offline, as any user, on any machine.
#include "app/advice_files.h"
#include "app/commands.h"
#include "app/error_report.h"
#include "app/output_file.h"
#include "app/recordings.h"
#include "app/report_page.h"
#include "app/report_reader.h"
#include "app/report_tally.h"
#include "app/terminal.h"
#include "model/quantity_text.h"
#include "render/json_renderer.h"
#include "render/postmortem_text.h"
#include "render/text_renderer.h"
#include "render/utf8.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <map>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

namespace pipetrace {
namespace {

constexpr std::size_t kBatchMax = 1U << 18;
constexpr std::size_t kIdsNamedMax = 5;

/// Text that goes out in batches, until its reader has gone or a write fails.
class Out {
public:
    explicit Out(OutputFile& file) : file_(file) {}

    std::string& text() { return text_; }
    void flush_if_large() {
        if (text_.size() >= kBatchMax) flush();
    }
    bool flush() {
        if (!trouble_ && !text_.empty()) {
            const auto outcome = file_.write(text_);
            if (outcome != OutputFile::Outcome::kWritten) trouble_ = outcome;
        }
        text_.clear();
        return !trouble_;
    }
    /// A reader that left early has seen what it wanted.
    Status end() {
        flush();
        return trouble_ == OutputFile::Outcome::kFailed ? Status(file_.error()) : Done{};
    }

private:
    OutputFile& file_;
    std::string text_;
    std::optional<OutputFile::Outcome> trouble_;
};

/// Renders incidents of many traces, each with its host's name and clocks.
class StoryTeller {
public:
    StoryTeller(const Options& options, TextStyle style) : options_(options), text_({}, style) {}

    void tell(const Recordings::Trace& trace, const Incident& incident, const ClockOffsets& clocks,
              std::string& out) {
        if (options_.json) {
            JsonRenderer(trace.context.host, clocks).render(incident, out);
            return;
        }
        text_.set_clocks(clocks);
        out += fmt::format("{}, on {}\n", date_text(clocks.wall(incident.at), options_.utc),
                           trace.context.host.name);
        text_.render(incident, out);
    }

private:
    const Options& options_;
    TextRenderer text_;
};

TextStyle text_style(const Options& options, int fd) {
    TextStyle style;
    style.colour = wants_colour(fd);
    style.width = terminal_width(fd);
    style.verbose = options.verbose || options.incident_id;
    style.utc = options.utc;
    return style;
}

Postmortem describe_traces(const Recordings& recordings) {
    Postmortem postmortem;
    for (const Recordings::Trace& trace : recordings.traces()) {
        const TraceContext& context = trace.context;
        postmortem.traces.push_back({recordings.path(trace), context.host.name, context.host.kernel,
                                     context.pipetrace_version, context.started, context.ended,
                                     context.redacted,
                                     context.ended ? std::optional(context.totals.events) : std::nullopt});
        for (const auto& [kind, count] : context.losses) postmortem.lost_by_kind[kind] += count;
    }
    return postmortem;
}

/// One incident that the user means by its id or the beginning of it.
struct Found {
    IncidentRow row;
    std::size_t recording = 0;
};

Error no_such_incident(const std::string& id) {
    return {fmt::format("there is no incident {} in what was recorded", id), "no id begins so",
            "`pipetrace report --json` lists the incidents with their ids."};
}

Error several_incidents(const std::string& id, const std::vector<std::string>& ids) {
    std::string names;
    for (std::size_t i = 0; i < std::min(ids.size(), kIdsNamedMax); ++i)
        names += (i == 0 ? "" : ", ") + ids[i];
    if (ids.size() > kIdsNamedMax) names += ", ...";
    return {fmt::format("{} is the beginning of several ids", id), names, "Give more of it."};
}

/// Nothing where no row has such an id.
Result<std::optional<Found>> find_incident(const Recordings& recordings, const std::string& id) {
    std::map<std::string, Found> found;
    for (std::size_t i = 0; i < recordings.readers().size(); ++i) {
        IncidentQuery query;
        query.with_texts = false;
        const Status done = recordings.readers()[i].scan_incidents(query, [&](const IncidentRow& row) {
            if (row.id.starts_with(id)) found.insert_or_assign(row.id, Found{row, i});
            return found.size() <= kIdsNamedMax;
        });
        if (!done) return done.error();
    }
    if (found.empty()) return std::optional<Found>();
    if (const auto exact = found.find(id); exact != found.end()) return std::optional(exact->second);
    if (found.size() == 1) return std::optional(found.begin()->second);
    std::vector<std::string> ids;
    for (const auto& [name, place] : found) ids.push_back(name);
    return several_incidents(id, ids);
}

/// Of a trace that did not end in order, an incident that has no row yet.
Status tell_by_replay(const Recordings& recordings, const Options& options, const AdviceTable& advice, OutputFile& file) {
    std::map<std::string, std::string> stories;
    StoryTeller teller(options, text_style(options, file.fd()));
    ReportReader reader(recordings, options, advice);
    const Status done = reader.replay_incidents(
        [&](const Recordings::Trace& trace, const Incident& incident, const ClockOffsets& clocks) {
            if (!incident.id.starts_with(*options.incident_id) || stories.size() > kIdsNamedMax) return;
            std::string& story = stories[incident.id];
            story.clear();
            teller.tell(trace, incident, clocks, story);
        });
    if (!done) return done;
    if (stories.empty()) return no_such_incident(*options.incident_id);
    if (stories.size() > 1) {
        std::vector<std::string> ids;
        for (const auto& [id, story] : stories) ids.push_back(id);
        return several_incidents(*options.incident_id, ids);
    }
    Out out(file);
    out.text() = stories.begin()->second;
    return out.end();
}

/// The events behind it have been pruned: what its row says.
Status tell_row(const RecordingReader& reader, const IncidentRow& found, const Options& options,
                OutputFile& file) {
    Out out(file);
    IncidentQuery query;
    query.trace_id = found.trace_id;
    query.id = found.id;
    const Status done = reader.scan_incidents(query, [&](const IncidentRow& row) {
        out.text() = recorded_story_text(row, text_style(options, file.fd()));
        return false;
    });
    if (!done) return done;
    return out.end();
}

Status tell_one(const Recordings& recordings, const Options& options, const AdviceTable& advice, OutputFile& file) {
    const auto found = find_incident(recordings, *options.incident_id);
    if (!found) return found.error();
    if (!*found) {
        return recordings.have_ended() ? no_such_incident(*options.incident_id)
                                       : tell_by_replay(recordings, options, advice, file);
    }
    StoryTeller teller(options, text_style(options, file.fd()));
    std::string story;
    ReportReader reader(recordings, options, advice);
    const Status done = reader.replay_story(
        (*found)->row, (*found)->recording,
        [&](const Recordings::Trace& trace, const Incident& incident, const ClockOffsets& clocks) {
            story.clear();
            teller.tell(trace, incident, clocks, story);
        });
    if (done && story.empty() && !options.json) {
        return tell_row(recordings.readers()[(*found)->recording], (*found)->row, options, file);
    }
    if (done && story.empty()) {
        return Error{fmt::format("incident {} cannot be told as JSON", (*found)->row.id),
                     "the events behind it have been pruned",
                     "Without --json it is told as it was recorded."};
    }
    Out out(file);
    out.text() = story;
    if (const Status written = out.end(); !written) return written;
    return done;
}

/// To stderr: what is printed is for programs.
void print_notes(const std::vector<std::string>& notes) {
    std::string text;
    for (const std::string& note : notes) text += "pipetrace: " + terminal_safe(note) + "\n";
    print_to_stderr(text);
}

Status tell_all(const Recordings& recordings, const Options& options, const AdviceTable& advice, OutputFile& file) {
    Out out(file);
    StoryTeller teller(options, text_style(options, file.fd()));
    ReportReader reader(recordings, options, advice);
    const Status done = reader.replay_incidents(
        [&](const Recordings::Trace& trace, const Incident& incident, const ClockOffsets& clocks) {
            teller.tell(trace, incident, clocks, out.text());
            out.flush_if_large();
        });
    if (const Status written = out.end(); !written) return written;
    if (!options.quiet) print_notes(reader.notes());
    return done;
}

Status sum_up(const Recordings& recordings, const Options& options, const AdviceTable& advice, OutputFile& file) {
    ReportTally tally;
    ReportReader reader(recordings, options, advice);
    std::unordered_set<std::string> unfinished;  ///< counted as they stood; a later revision counts no more
    const Status done =
        reader.rows_will_do()
            ? reader.scan_rows([&](const IncidentRow& row) { tally.add(row); })
            : reader.replay_incidents([&](const Recordings::Trace& trace, const Incident& incident,
                                          const ClockOffsets& clocks) {
                  if (unfinished.contains(incident.id)) return;
                  if (!incident.is_final) unfinished.insert(incident.id);
                  tally.add(incident_row_of(incident, trace.context.host, clocks, trace.context.trace_id));
              });
    Postmortem postmortem = describe_traces(recordings);
    tally.fill(postmortem);
    postmortem.counted_only = reader.counted_only();
    postmortem.notes = reader.notes();
    Out out(file);
    out.text() = postmortem_text(postmortem, text_style(options, file.fd()));
    if (const Status written = out.end(); !written) return written;
    return done;
}

Status report(const Recordings& recordings, const Options& options, const AdviceTable& advice) {
    const std::optional<std::string>& output = options.html_path ? options.html_path : options.output_path;
    if (output && recordings.include(*output)) {
        return Error{"cannot write to " + *output, "it is one of the recordings to be read",
                     "Name another file."};
    }
    if (options.html_path) return write_report_page(recordings, options, describe_traces(recordings), advice);
    auto file = options.output_path ? OutputFile::create(*options.output_path)
                                    : OutputFile(STDOUT_FILENO, "standard output");
    if (!file) return file.error();
    if (options.incident_id) return tell_one(recordings, options, advice, *file);
    if (options.json || options.verbose) return tell_all(recordings, options, advice, *file);
    return sum_up(recordings, options, advice, *file);
}

}  // namespace

int report_command(const Options& options) {
    std::signal(SIGPIPE, SIG_IGN);
    const auto advice = load_advice(options.advice_paths);
    if (!advice) {
        report_error(advice.error());
        return kStatusFailed;
    }
    const auto recordings = Recordings::open(options.recordings);
    if (!recordings) {
        report_error(recordings.error());
        return kStatusFailed;
    }
    if (const Status done = report(*recordings, options, *advice); !done) {
        report_error(done.error());
        return kStatusFailed;
    }
    return kStatusDone;
}

}  // namespace pipetrace
