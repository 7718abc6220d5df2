#include "store/recording_json.h"

#include "store/names.h"

#include <nlohmann/json.hpp>

#include <charconv>
#include <limits>

namespace pipetrace {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kEntriesMax = 4096;

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

/// Discarded where it is no JSON. Depth is bounded, so that brackets alone cannot exhaust the stack.
Json parse(std::string_view text) {
    constexpr int kDepthMax = 8;
    const auto too_deep = [](int depth, Json::parse_event_t, Json&) { return depth <= kDepthMax; };
    return Json::parse(text.begin(), text.end(), too_deep, false);
}

/// Each member of `json` into `target` if it is there: false where it is of another type or out of range.
template <typename T>
bool read(const Json& json, T& target) {
    if constexpr (std::is_same_v<T, bool>) {
        if (!json.is_boolean()) return false;
        target = json.get<bool>();
    } else if constexpr (std::is_integral_v<T>) {
        if (!json.is_number_unsigned()) return false;
        const auto value = json.get<std::uint64_t>();
        if (value > static_cast<std::uint64_t>(std::numeric_limits<T>::max())) return false;
        target = static_cast<T>(value);
    } else {
        if (!json.is_string()) return false;
        target = json.get<std::string>();
    }
    return true;
}

template <typename T>
bool read(const Json& json, std::vector<T>& list) {
    if (!json.is_array() || json.size() > kEntriesMax) return false;
    list.clear();
    for (const Json& item : json) {
        if (!read(item, list.emplace_back())) return false;
    }
    return true;
}

template <typename T>
bool read_member(const Json& object, const char* name, T& target) {
    const auto found = object.find(name);
    return found == object.end() || read(*found, target);
}

/// A list of names of enumerators.
template <typename E>
bool read_names(const Json& object, const char* member, E last, const char* (*name_of)(E),
                std::vector<E>& list) {
    std::vector<std::string> names;
    if (!read_member(object, member, names)) return false;
    list.clear();
    for (const std::string& name : names) {
        const auto value = from_name(name, last, name_of);
        if (!value) return false;
        list.push_back(*value);
    }
    return true;
}

template <typename E>
Json names(const std::vector<E>& list, const char* (*name_of)(E)) {
    Json json = Json::array();
    for (const E value : list) json.push_back(name_of(value));
    return json;
}

bool read_status(const Json& json, ObservationStatus& status) {
    return json.is_object() && read_member(json, "observation", status.observation) &&
           read_member(json, "title", status.title) && read_member(json, "hook", status.hook) &&
           read_member(json, "lost", status.lost) && read_member(json, "why", status.why);
}

bool read_filter(const Json& json, IncidentFilter& filter) {
    return read_member(json, "pids", filter.tgids) && read_member(json, "follow", filter.follow_children) &&
           read_member(json, "comms", filter.comms) && read_member(json, "uids", filter.uids) &&
           read_member(json, "cgroups", filter.cgroups) &&
           read_member(json, "containers", filter.containers) && read_member(json, "ports", filter.ports) &&
           read_member(json, "local_ports", filter.local_ports) &&
           read_member(json, "remote_ports", filter.remote_ports) &&
           read_member(json, "errnos", filter.errnos) &&
           read_names(json, "kinds", EndpointKind::kPipe, endpoint_kind_name, filter.kinds) &&
           read_names(json, "causes", Cause::kUnknown, cause_name, filter.causes) &&
           read_names(json, "severities", Severity::kFault, severity_name, filter.severities) &&
           read_member(json, "origin", filter.include_origin);
}

}  // namespace

std::string losses_to_json(const LossCounts& losses) { return losses.empty() ? "{}" : dump(Json(losses)); }

std::optional<LossCounts> losses_from_json(std::string_view text) {
    if (text == "{}") return LossCounts{};
    const Json json = parse(text);
    if (!json.is_object() || json.size() > kEntriesMax) return std::nullopt;
    LossCounts losses;
    for (const auto& [kind, count] : json.items()) {
        if (!read(count, losses[kind])) return std::nullopt;
    }
    return losses;
}

std::string cmdline_to_json(const std::vector<std::string>& cmdline) { return dump(Json(cmdline)); }

std::optional<std::vector<std::string>> cmdline_from_json(std::string_view text) {
    std::vector<std::string> cmdline;
    if (!read(parse(text), cmdline)) return std::nullopt;
    return cmdline;
}

std::string hooks_to_json(const HookReport& hooks) {
    Json observations = Json::array();
    for (const ObservationStatus& status : hooks.observations) {
        observations.push_back({{"observation", status.observation},
                                {"title", status.title},
                                {"hook", status.hook},
                                {"lost", status.lost},
                                {"why", status.why}});
    }
    return dump({{"mode", mode_name(hooks.mode)},
                 {"kernel", hooks.kernel},
                 {"hook_count", hooks.hook_count},
                 {"observations", observations}});
}

std::optional<HookReport> hooks_from_json(std::string_view text) {
    const Json json = parse(text);
    HookReport hooks;
    std::string mode = mode_name(hooks.mode);
    if (!json.is_object() || !read_member(json, "mode", mode) || !read_member(json, "kernel", hooks.kernel) ||
        !read_member(json, "hook_count", hooks.hook_count)) {
        return std::nullopt;
    }
    const auto found_mode = from_name(mode, Mode::kTracepoint, mode_name);
    const auto observations = json.find("observations");
    if (!found_mode || observations == json.end() || !observations->is_array() ||
        observations->size() > kEntriesMax) {
        return std::nullopt;
    }
    hooks.mode = *found_mode;
    for (const Json& status : *observations) {
        if (!read_status(status, hooks.observations.emplace_back())) return std::nullopt;
    }
    return hooks;
}

std::string syscalls_to_json(const SyscallNames& names) {
    Json json = Json::object();
    for (std::size_t number = 0; number < SyscallNames::kNumbers; ++number) {
        if (const char* name = names.find(number)) json[std::to_string(number)] = name;
    }
    return dump(json);
}

std::optional<SyscallNames> syscalls_from_json(std::string_view text) {
    const Json json = parse(text);
    if (!json.is_object() || json.size() > kEntriesMax) return std::nullopt;
    SyscallNames names;
    for (const auto& [key, name] : json.items()) {
        std::uint16_t number = 0;
        const char* end = key.data() + key.size();
        const auto parsed = std::from_chars(key.data(), end, number);
        if (parsed.ec != std::errc() || parsed.ptr != end || !name.is_string()) return std::nullopt;
        names.add(number, name.get<std::string>());
    }
    return names;
}

std::string totals_to_json(const TraceTotals& totals) {
    return dump({{"events", totals.events},
                 {"incidents", totals.incidents},
                 {"counted_only", totals.counted_only},
                 {"resets_received", totals.resets_received},
                 {"resets_sent", totals.resets_sent},
                 {"endpoints_older_than_trace", totals.endpoints_older_than_trace},
                 {"evicted", totals.evicted}});
}

std::optional<TraceTotals> totals_from_json(std::string_view text) {
    const Json json = parse(text);
    TraceTotals totals;
    if (!json.is_object() || !read_member(json, "events", totals.events) ||
        !read_member(json, "incidents", totals.incidents) ||
        !read_member(json, "counted_only", totals.counted_only) ||
        !read_member(json, "resets_received", totals.resets_received) ||
        !read_member(json, "resets_sent", totals.resets_sent) ||
        !read_member(json, "endpoints_older_than_trace", totals.endpoints_older_than_trace) ||
        !read_member(json, "evicted", totals.evicted)) {
        return std::nullopt;
    }
    return totals;
}

std::string settings_to_json(const TraceContext& trace) {
    const IncidentFilter& filter = trace.filter;
    return dump({{"errors", trace.errors == ErrorsMode::kExact ? "exact" : "inferred"},
                 {"idle_after_seconds", trace.idle_after_seconds},
                 {"tracer", trace.tracer},
                 {"pids", filter.tgids},
                 {"follow", filter.follow_children},
                 {"comms", filter.comms},
                 {"uids", filter.uids},
                 {"cgroups", filter.cgroups},
                 {"containers", filter.containers},
                 {"ports", filter.ports},
                 {"local_ports", filter.local_ports},
                 {"remote_ports", filter.remote_ports},
                 {"kinds", names(filter.kinds, endpoint_kind_name)},
                 {"errnos", filter.errnos},
                 {"causes", names(filter.causes, cause_name)},
                 {"severities", names(filter.severities, severity_name)},
                 {"origin", filter.include_origin}});
}

bool settings_from_json(std::string_view text, TraceContext& trace) {
    const Json json = parse(text);
    std::string errors = "exact";
    if (!json.is_object() || !read_member(json, "errors", errors) ||
        !read_member(json, "idle_after_seconds", trace.idle_after_seconds) ||
        !read_member(json, "tracer", trace.tracer) || !read_filter(json, trace.filter)) {
        return false;
    }
    trace.errors = errors == "exact" ? ErrorsMode::kExact : ErrorsMode::kInferred;
    return errors == "exact" || errors == "inferred";
}

}  // namespace pipetrace
