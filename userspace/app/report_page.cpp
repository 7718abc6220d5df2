#include "app/report_page.h"

#include "app/output_file.h"
#include "app/report_reader.h"
#include "render/html_report.h"
#include "render/json_renderer.h"
#include "render/postmortem_text.h"
#include "source/host_reader.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pipetrace {
namespace {

/// A page with more takes a browser long.
constexpr std::size_t kIncidentsMax = 10'000;

/// A file that gets its name when it is whole; what is no plain file is written to as it is.
class WholeFile {
public:
    static Result<WholeFile> create(const std::string& path) {
        struct stat status {};
        const bool is_special = ::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode);
        std::string written = is_special ? path : fmt::format("{}.{}.part", path, ::getpid());
        auto file = OutputFile::create(written);
        if (!file) return file.error();
        return WholeFile(path, std::move(written), std::move(*file));
    }
    WholeFile(WholeFile&& other) noexcept
        : path_(std::move(other.path_)),
          written_(std::exchange(other.written_, {})),
          file_(std::move(other.file_)),
          trouble_(std::move(other.trouble_)) {}
    WholeFile& operator=(WholeFile&&) = delete;
    ~WholeFile() {
        if (!written_.empty() && written_ != path_) ::unlink(written_.c_str());
    }

    void write(std::string_view text) {
        if (trouble_ || is_left_) return;
        const auto outcome = file_.write(text);
        is_left_ = outcome == OutputFile::Outcome::kReaderGone;
        if (outcome == OutputFile::Outcome::kFailed) trouble_ = file_.error();
    }

    Status finish() {
        if (trouble_) return *trouble_;
        if (written_ != path_ && std::rename(written_.c_str(), path_.c_str()) != 0) {
            return Error{fmt::format("cannot write to {}", path_), std::strerror(errno),
                         "Name another file."};
        }
        written_.clear();
        return Done{};
    }

private:
    WholeFile(std::string path, std::string written, OutputFile file)
        : path_(std::move(path)), written_(std::move(written)), file_(std::move(file)) {}

    std::string path_;
    std::string written_;
    OutputFile file_;
    std::optional<Error> trouble_;
    bool is_left_ = false;
};

/// "Broken pipes and resets on web1, web2 and db1".
std::string title_of(const Postmortem& traces) {
    std::vector<std::string> hosts;
    for (const PostmortemTrace& trace : traces.traces) {
        if (std::find(hosts.begin(), hosts.end(), trace.host) == hosts.end()) hosts.push_back(trace.host);
    }
    std::string title = "Broken pipes and resets";
    for (std::size_t i = 0; i < hosts.size(); ++i) {
        const char* before = i == 0 ? " on " : i + 1 < hosts.size() ? ", " : " and ";
        title += before + hosts[i];
    }
    return title;
}

std::string selection_of(const Options& options) {
    IncidentFilter without_origins = options.filter;
    without_origins.include_origin = false;  // shows more, not less
    const bool is_filtered = without_origins != IncidentFilter{};
    if (!is_filtered && !options.since && !options.until) return "";
    return is_filtered ? "filtered; other incidents were recorded, too"
                       : "a part of the time that was recorded";
}

std::optional<std::uint64_t> events_of(const Postmortem& traces) {
    std::uint64_t sum = 0;
    for (const PostmortemTrace& trace : traces.traces) {
        if (!trace.events) return std::nullopt;
        sum += *trace.events;
    }
    return sum;
}

HtmlContext context_of(const Postmortem& traces, const Options& options) {
    HtmlContext context;
    context.generated_by = "pipetrace " PIPETRACE_VERSION;
    context.generated_at = read_clock_offsets().wall(read_ktime());
    context.selection = selection_of(options);
    context.recordings = traces.traces;
    context.events = events_of(traces);
    context.lost_by_kind = traces.lost_by_kind;
    return context;
}

Result<std::vector<WallTime>> times_of_all(ReportReader& reader) {
    std::vector<WallTime> times;
    const Status done = reader.scan_rows([&](const IncidentRow& row) { times.push_back(row.time); });
    if (!done) return done.error();
    return times;
}

}  // namespace

std::optional<WallTime> begin_of_latest(std::vector<WallTime> times, std::size_t most) {
    if (times.size() <= most) return std::nullopt;
    const auto first_shown = times.end() - static_cast<std::ptrdiff_t>(most);
    std::nth_element(times.begin(), first_shown, times.end());
    return *first_shown;
}

Status write_report_page(const Recordings& recordings, const Options& options, const Postmortem& traces,
                         const AdviceTable& advice) {
    ReportReader reader(recordings, options, advice);
    const auto times = times_of_all(reader);
    if (!times) return times.error();
    const auto begin = begin_of_latest(*times, kIncidentsMax);
    auto file = WholeFile::create(*options.html_path);
    if (!file) return file.error();
    HtmlReport page([&](std::string_view text) { file->write(text); });
    page.begin(title_of(traces));
    std::string line;
    const Status done = reader.replay_incidents(
        [&](const Recordings::Trace& trace, const Incident& incident, const ClockOffsets& clocks) {
            if (begin && clocks.wall(incident.at) < *begin) return;
            // Rows and records of a damaged recording need not agree.
            if (page.count() >= 2 * kIncidentsMax) return;
            line.clear();
            JsonRenderer(trace.context.host, clocks).render(incident, line);
            page.add(line);
        });
    HtmlContext context = context_of(traces, options);
    if (begin) context.incidents = times->size();
    context.notes = reader.notes();
    if (const std::string counted = counted_only_sentence(reader.counted_only()); !counted.empty())
        context.notes.push_back(counted);
    if (!done) context.notes.push_back("Not all could be read: " + done.error().what + ".");
    page.finish(context);
    if (const Status written = file->finish(); !written) return written;
    return done;
}

}  // namespace pipetrace
