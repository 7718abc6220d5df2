#include "app/report_reader.h"

#include "app/progress_line.h"
#include "app/replay.h"
#include "diagnose/diagnoser.h"
#include "model/errno_name.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>

namespace pipetrace {
namespace {

/// Around one story: what it began with, and what it may bring about.
constexpr std::uint64_t kBeforeNs = 120'000'000'000;
constexpr std::uint64_t kAfterNs = 10'000'000'000;
constexpr Ktime kEnd{static_cast<std::uint64_t>(INT64_MAX)};

Ktime later(Ktime at, std::uint64_t ns) { return at > kEnd - ns ? kEnd : at + ns; }

void fill_errors(std::string_view names, std::vector<CallError>& errors) {
    while (!names.empty()) {
        const std::string_view name = names.substr(0, names.find(','));
        CallError error;
        error.error = errno_from_text(name).value_or(0);
        errors.push_back(std::move(error));
        names.remove_prefix(std::min(names.size(), name.size() + 1));
    }
}

/// As much of the incident as the filter looks at.
Incident sketch_of(const IncidentRow& row, const IncidentFilter& filter) {
    Incident incident;
    incident.role = row.role;
    incident.process.tgid = row.pid;
    incident.process.comm = row.comm;
    incident.process.uid = row.uid;
    incident.process.details.set_cgroup(row.cgroup);
    incident.endpoint.kind = row.kind;
    incident.endpoint.local = row.local;
    incident.endpoint.remote = row.remote;
    if (!filter.errnos.empty()) fill_errors(row.errors, incident.errors);
    incident.verdict.cause = row.cause;
    incident.verdict.severity = row.severity;
    return incident;
}

}  // namespace

ReportReader::ReportReader(const Recordings& recordings, const Options& options, const AdviceTable& advice)
    : recordings_(recordings),
      options_(options),
      advice_(advice),
      chooser_(options.filter),
      notes_(recordings.notes()),
      counted_in_records_(recordings.traces().size()) {}

std::uint64_t ReportReader::counted_only() const {
    std::uint64_t counted = 0;
    for (std::size_t i = 0; i < counted_in_records_.size(); ++i) {
        const TraceContext& trace = recordings_.traces()[i].context;
        counted += trace.ended ? trace.totals.counted_only : counted_in_records_[i];
    }
    return counted;
}

SegmentRange ReportReader::range_of(const TraceContext& trace) const {
    SegmentRange range;
    range.trace_id = trace.trace_id;
    // Not from --since on: a program may learn of a RST long after it came.
    if (options_.until) range.until.ns = options_.until->ns + static_cast<std::int64_t>(kAfterNs);
    return range;
}

bool ReportReader::wants(const Incident& incident, const ClockOffsets& clocks) const {
    const WallTime at = clocks.wall(incident.at);
    const bool is_in_time =
        (!options_.since || at >= *options_.since) && (!options_.until || at < *options_.until);
    return is_in_time && chooser_.wants(incident);
}

Status ReportReader::replay_all(const char* work, const Replayed& take) {
    std::uint64_t records = 0;
    for (const Recordings::Trace& trace : recordings_.traces()) {
        const auto totals = recordings_.reader(trace).segment_totals(range_of(trace.context));
        if (!totals) return totals.error();
        records += totals->records;
    }
    ProgressLine progress(work, records, !options_.quiet);
    for (std::size_t i = 0; i < recordings_.traces().size(); ++i) {
        const Recordings::Trace& trace = recordings_.traces()[i];
        const Replay job{recordings_.reader(trace),
                         trace.context,
                         advice_,
                         range_of(trace.context),
                         [&](std::uint64_t read) { progress.add(read); },
                         [&](std::uint64_t counted) { counted_in_records_[i] = counted; }};
        const Status done = replay(job, [&](const Incident& incident, const ClockOffsets& clocks) {
            Incident own = incident;
            take(i, own, clocks);
        });
        if (!done) return done;
    }
    return Done{};
}

Status ReportReader::note_ends(HostMerge& merge) {
    for (const Recordings::Trace& trace : recordings_.traces()) {
        merge.add_stream(trace.context.host, trace.context.clocks, trace.context.redacted);
    }
    const Status noted = replay_all("pipetrace: looking for both ends:",
                                    [&](std::size_t trace, Incident& incident, const ClockOffsets& clocks) {
                                        merge.note(static_cast<std::uint32_t>(trace), incident, clocks);
                                    });
    if (!noted) return noted;
    merge.match();
    for (std::string& sentence : merge.report().sentences()) notes_.push_back(std::move(sentence));
    return Done{};
}

Status ReportReader::replay_incidents(const TakeIncident& take) {
    HostMerge merge;
    const bool is_merge = recordings_.have_several_hosts();
    if (is_merge) {
        if (const Status noted = note_ends(merge); !noted) return noted;
    }
    std::uint64_t told = 0;
    const Status done = replay_all(
        "pipetrace: judging:", [&](std::size_t trace, Incident& incident, const ClockOffsets& clocks) {
            if (is_merge) {
                const auto outcome = merge.take(static_cast<std::uint32_t>(trace), incident);
                if (outcome == HostMerge::Outcome::kToldElsewhere) return;
                if (outcome == HostMerge::Outcome::kJoined) {
                    diagnose(incident);
                    advice_.advise(incident);
                }
            }
            if (!wants(incident, clocks)) return;
            told += incident.revision == 0 || incident.is_final ? 1 : 0;
            take(recordings_.traces()[trace], incident, clocks);
        });
    return done && !is_merge ? note_untold(told) : done;
}

/// Rows whose events have been pruned.
Status ReportReader::note_untold(std::uint64_t told) {
    std::uint64_t rows = 0;
    const Status done = scan_rows([&](const IncidentRow&) { ++rows; });
    if (rows > told) {
        notes_.push_back(
            fmt::format("{} more {} recorded, but the events behind {} have been pruned: the table "
                        "incidents has what was said then.",
                        rows - told, rows - told == 1 ? "incident was" : "incidents were",
                        rows - told == 1 ? "it" : "them"));
    }
    return done;
}

Status ReportReader::replay_story(const IncidentRow& row, std::size_t recording, const TakeIncident& take) {
    const auto told = [&](const Recordings::Trace& trace, const Incident& incident,
                          const ClockOffsets& clocks) {
        if (incident.id == row.id) take(trace, incident, clocks);
    };
    if (recordings_.have_several_hosts()) return replay_incidents(told);
    for (const Recordings::Trace& trace : recordings_.traces()) {
        if (trace.recording != recording || trace.context.trace_id != row.trace_id) continue;
        const SegmentRange range{row.trace_id, row.first - kBeforeNs, later(row.last, kAfterNs)};
        return replay(
            {recordings_.reader(trace), trace.context, advice_, range, {}, {}},
            [&](const Incident& incident, const ClockOffsets& clocks) { told(trace, incident, clocks); });
    }
    return Done{};
}

bool ReportReader::rows_will_do() const {
    // Rows have the process's name, not the failing thread's.
    return recordings_.are_of_our_rules(advice_.digest()) && recordings_.have_ended() &&
           !recordings_.have_several_hosts() && options_.filter.comms.empty();
}

Status ReportReader::scan_rows(const std::function<void(const IncidentRow&)>& take) {
    IncidentQuery query;
    query.since = options_.since;
    query.until = options_.until;
    query.with_texts = false;
    for (const Recordings::Trace& trace : recordings_.traces()) {
        query.trace_id = trace.context.trace_id;
        const RecordingReader& reader = recordings_.reader(trace);
        const auto count = reader.count_incidents(query);
        if (!count) return count.error();
        ProgressLine progress("pipetrace: reading:", *count, !options_.quiet);
        const Status done = reader.scan_incidents(query, [&](const IncidentRow& row) {
            progress.add(1);
            if (chooser_.wants(sketch_of(row, options_.filter))) take(row);
            return true;
        });
        if (!done) return done;
    }
    return Done{};
}

}  // namespace pipetrace
