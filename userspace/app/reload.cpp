#include "app/reload.h"

#include <cstdint>
#include <utility>

namespace pipetrace {
namespace {

std::string joined(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
    return text;
}

class Comparison {
public:
    Comparison(const Options& in_force, const Options& asked) : reload_{in_force, {}, {}}, asked_(asked) {}

    /// `member` of the options.
    template <typename T>
    void take(const char* name, T Options::*member) {
        take(name, reload_.options.*member, asked_.*member);
    }
    template <typename T>
    void take_filter(const char* name, T IncidentFilter::*member) {
        take(name, reload_.options.filter.*member, asked_.filter.*member);
    }
    void take_limit(const char* name, std::uint64_t RecordingLimits::*member) {
        take(name, reload_.options.recording_limits.*member, asked_.recording_limits.*member);
    }
    template <typename T>
    void take(const char* name, T& in_force, const T& asked) {
        if (in_force == asked) return;
        in_force = asked;
        reload_.applied.emplace_back(name);
    }
    template <typename T>
    void keep(const char* name, T Options::*member) {
        if (reload_.options.*member != asked_.*member) reload_.needs_restart.emplace_back(name);
    }

    Reload reload_;
    const Options& asked_;
};

}  // namespace

Reload plan_reload(const Options& in_force, const Options& asked) {
    Comparison compared(in_force, asked);
    compared.take_filter("comm", &IncidentFilter::comms);
    compared.take_filter("user", &IncidentFilter::uids);
    compared.take_filter("cgroup", &IncidentFilter::cgroups);
    compared.take_filter("container", &IncidentFilter::containers);
    compared.take_filter("port", &IncidentFilter::ports);
    compared.take_filter("local-port", &IncidentFilter::local_ports);
    compared.take_filter("remote-port", &IncidentFilter::remote_ports);
    compared.take_filter("kind", &IncidentFilter::kinds);
    compared.take_filter("errno", &IncidentFilter::errnos);
    compared.take_filter("cause", &IncidentFilter::causes);
    compared.take_filter("severity", &IncidentFilter::severities);
    compared.take_filter("origin", &IncidentFilter::include_origin);
    compared.take("advice", &Options::advice_paths);
    compared.take("output", &Options::output_path);
    compared.take_limit("max-size", &RecordingLimits::size_bytes_max);
    compared.take_limit("max-age", &RecordingLimits::age_seconds_max);
    // A replay judges the whole of a recorded trace by the silence that it began with.
    compared.keep("idle-after", &Options::idle_after_seconds);
    compared.keep("metrics", &Options::metrics);
    compared.keep("recording", &Options::recording_path);
    compared.keep("mode", &Options::mode);
    compared.keep("errors", &Options::errors);
    compared.keep("without", &Options::left_out);
    compared.keep("count", &Options::count);
    compared.keep("duration", &Options::duration_seconds);
    compared.keep("json", &Options::json);
    compared.keep("verbose", &Options::verbose);
    compared.keep("quiet", &Options::quiet);
    return std::move(compared.reload_);
}

std::string reload_text(const Reload& reload) {
    std::string text = reload.applied.empty() ? "nothing has changed" : "applied " + joined(reload.applied);
    if (reload.needs_restart.empty()) return text;
    if (reload.applied.empty()) text.clear();
    return text + (text.empty() ? "" : "; ") + joined(reload.needs_restart) +
           (reload.needs_restart.size() == 1 ? " takes" : " take") + " effect with a restart";
}

}  // namespace pipetrace
