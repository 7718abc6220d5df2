#include "cli/options_parser.h"

#include "cli/command_line.h"
#include "cli/config_file.h"
#include "cli/help_text.h"
#include "cli/option_table.h"
#include "cli/option_values.h"
#include "cli/time_values.h"

#include <CLI/CLI.hpp>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <limits>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

namespace pipetrace {
namespace {

using Problem = std::optional<Error>;

std::string long_name(const char* name) { return std::string("--") + name; }

void declare_options(CLI::App& app) {
    app.set_help_flag();
    for (const OptionSpec& spec : option_table()) {
        if (spec.value == nullptr) {
            app.add_flag(long_name(spec.name));
            continue;
        }
        // Values as they are: CLI11 would split "[a,b]" where several values may follow.
        app.add_option(long_name(spec.name))
            ->expected(1)
            ->allow_extra_args(false)
            ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    }
}

/// What was given, by name.
class GivenOptions {
public:
    explicit GivenOptions(const CLI::App& app) : app_(app) {}

    bool has(const char* name) const { return app_.count(long_name(name)) > 0; }
    const std::vector<std::string>& values(const char* name) const {
        return app_.get_option(long_name(name))->results();
    }
    /// Of an option that holds one value the last one counts.
    const std::string* last(const char* name) const { return has(name) ? &values(name).back() : nullptr; }

private:
    const CLI::App& app_;
};

/// Appends each value, parsed, to `list`.
template <typename T, typename Parse>
Problem fill_list(const GivenOptions& given, const char* name, Parse parse, std::vector<T>& list) {
    for (const std::string& value : given.values(name)) {
        auto parsed = parse(value);
        if (!parsed) return parsed.error();
        list.push_back(static_cast<T>(*parsed));
    }
    return std::nullopt;
}

template <typename T, typename Parse>
Problem fill_one(const GivenOptions& given, const char* name, Parse parse, T& target) {
    const std::string* value = given.last(name);
    if (value == nullptr) return std::nullopt;
    auto parsed = parse(*value);
    if (!parsed) return parsed.error();
    target = *parsed;
    return std::nullopt;
}

auto integer(const char* name, std::uint64_t min, std::uint64_t max) {
    return [=](const std::string& text) { return parse_integer(long_name(name), text, min, max); };
}

Problem fill_tgids(const GivenOptions& given, std::vector<Tgid>& tgids) {
    for (const std::string& value : given.values("pid")) {
        auto several = parse_tgids(value);
        if (!several) return several.error();
        tgids.insert(tgids.end(), several->begin(), several->end());
    }
    return std::nullopt;
}

Problem fill_filter(const GivenOptions& given, IncidentFilter& filter) {
    if (given.has("follow") && given.has("no-follow")) {
        return Error{"-f and --no-follow contradict each other", "one follows children, the other does not",
                     "give one of them"};
    }
    filter.follow_children = !given.has("no-follow");
    filter.include_origin = given.has("origin");
    filter.comms = given.values("comm");
    filter.cgroups = given.values("cgroup");
    filter.containers = given.values("container");

    Problem problem = fill_tgids(given, filter.tgids);
    const auto list = [&](const char* name, auto parse, auto& target) {
        if (!problem) problem = fill_list(given, name, parse, target);
    };
    list("user", parse_user, filter.uids);
    list("port", integer("port", 1, 65535), filter.ports);
    list("local-port", integer("local-port", 1, 65535), filter.local_ports);
    list("remote-port", integer("remote-port", 1, 65535), filter.remote_ports);
    list("kind", parse_kind, filter.kinds);
    list("errno", parse_errno, filter.errnos);
    list("cause", parse_cause, filter.causes);
    list("severity", parse_severity, filter.severities);
    return problem;
}

Problem fill_settings(const GivenOptions& given, Options& options) {
    options.json = given.has("json");
    options.verbose = given.has("verbose");
    options.quiet = given.has("quiet");
    options.cmdline = given.has("cmdline");
    options.redact = given.has("redact");
    options.advice_paths = given.values("advice");
    options.left_out = given.values("without");
    options.logs = given.values("log");
    if (options.redact && options.cmdline) {
        return Error{"--redact and --cmdline contradict each other",
                     "one leaves out where programs lie, the other keeps their whole command lines",
                     "give one of them"};
    }
    if (const auto* user = given.last("run-as")) options.run_as = *user;
    if (const auto* path = given.last("recording")) options.recording_path = *path;
    if (const auto* path = given.last("config")) options.config_path = *path;
    if (options.command == Command::kServe) {
        // On every host of a fleet, and for months.
        options.errors = ErrorsMode::kInferred;
        options.recording_limits.size_bytes_max = std::uint64_t{256} << 20;
    }

    constexpr auto kAnyCount = std::numeric_limits<std::uint64_t>::max();
    constexpr auto kAnySeconds = std::numeric_limits<std::uint32_t>::max();
    const auto output = [&](const std::string& text) { return parse_output(options.command, text); };
    const auto seconds = [](const std::string& text) { return parse_seconds("--duration", text); };
    const auto idle = [=](const std::string& text) -> Result<std::uint32_t> {
        auto number = parse_integer("--idle-after", text, 1, kAnySeconds);
        if (!number) return number.error();
        return static_cast<std::uint32_t>(*number);
    };
    Problem problem = fill_one(given, "count", integer("count", 1, kAnyCount), options.count);
    const auto one = [&](const char* name, auto parse, auto& target) {
        if (!problem) problem = fill_one(given, name, parse, target);
    };
    one("output", output, options.output_path);
    one("duration", seconds, options.duration_seconds);
    one("idle-after", idle, options.idle_after_seconds);
    one("max-size", parse_size, options.recording_limits.size_bytes_max);
    one("max-age", parse_age, options.recording_limits.age_seconds_max);
    one("metrics", parse_listen_address, options.metrics);
    one("mode", parse_mode, options.mode);
    one("errors", parse_errors_mode, options.errors);
    return problem;
}

Problem fill_report(const GivenOptions& given, WallTime now, Options& options) {
    options.utc = given.has("utc");
    if (const auto* id = given.last("id")) options.incident_id = *id;
    if (const auto* path = given.last("html")) options.html_path = *path;
    Problem problem;
    for (const auto& [name, target] :
         {std::pair{"since", &options.since}, std::pair{"until", &options.until}}) {
        const auto parse = [&, name = name](const std::string& text) {
            return parse_time(long_name(name), text, now, options.utc);
        };
        if (!problem) problem = fill_one(given, name, parse, *target);
    }
    if (problem) return problem;
    if (options.since && options.until && *options.until <= *options.since) {
        return Error{"--until is not later than --since", "no incident can lie between them",
                     "check both times; without a date they mean today"};
    }
    IncidentFilter others = options.filter;
    others.include_origin = false;
    const bool chooses = others != IncidentFilter{} || options.since || options.until;
    if (options.incident_id && (chooses || given.has("html"))) {
        return Error{"--id goes with no filter, no time and no --html", "it names the one incident to tell",
                     "leave either out"};
    }
    if (given.has("html") && (given.has("json") || given.has("output"))) {
        return Error{"--html goes with neither --json nor -o", "each says what to write, and where",
                     "run pipetrace report twice"};
    }
    return std::nullopt;
}

/// Not for want of a place to print them: there are no lines.
Problem check_log(const GivenOptions& given, Command command) {
    const bool is_recording = command == Command::kRecord || command == Command::kReport || command == Command::kServe;
    if (!given.has("log") || (!is_recording && command != Command::kDemo)) return std::nullopt;
    return Error{command_title(command) + " does not take --log",
                 is_recording ? "a recording keeps what the kernel tells, and no lines of logs"
                              : "the demo's two programs write no log",
                 "trace live: pipetrace -p PID --log FILE, or pipetrace run --log FILE -- CMD"};
}

Problem check_allowed(const GivenOptions& given, Command command) {
    for (const OptionSpec& spec : option_table()) {
        if (!given.has(spec.name) || (spec.commands & only(command)) != 0) continue;
        std::string takers = (spec.commands & only(Command::kTrace)) != 0 ? "pipetrace" : "";
        for (const CommandSpec& other : command_table()) {
            if ((spec.commands & only(other.command)) == 0) continue;
            takers += (takers.empty() ? "pipetrace " : ", pipetrace ") + std::string(other.name);
        }
        const std::string title = command_title(command);
        return Error{title + " does not take " + option_title(spec), "it is an option of: " + takers,
                     title + " --help lists what it takes"};
    }
    return std::nullopt;
}

/// The words after the command.
Problem fill_words(const CommandLine& line, Options& options) {
    const std::vector<std::string>& words = line.words;
    switch (line.command) {
        case Command::kTrace: return std::nullopt;
        case Command::kRun:
            options.run_argv = words;
            if (!words.empty()) return std::nullopt;
            return Error{"pipetrace run has no command to run", "nothing stands after its options",
                         "write pipetrace run -- CMD ARG..."};
        case Command::kExplain:
            for (const std::string& word : words) {
                options.explain_code += (options.explain_code.empty() ? "" : " ") + word;
            }
            if (!options.explain_code.empty()) return std::nullopt;
            return Error{"pipetrace explain has no code to explain",
                         "it takes a cause, an errno or "
                         "a fate of SIGPIPE",
                         "for example: pipetrace explain EPIPE"};
        case Command::kReport: options.recordings = words; return std::nullopt;
        case Command::kRecord:
        case Command::kServe:
        case Command::kDemo:
        case Command::kDoctor: break;
    }
    if (words.empty()) return std::nullopt;
    const std::string title = command_title(line.command);
    return Error{title + " does not take '" + words[0] + "'", "it takes options only",
                 title + " --help lists them"};
}

WallTime wall_clock() {
    using std::chrono::nanoseconds;
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return {std::chrono::duration_cast<nanoseconds>(now).count()};
}

ParseOutcome to_options(const CommandLine& line, const GivenOptions& given) {
    Options options;
    options.command = line.command;
    if (Problem problem = check_log(given, line.command)) return *problem;
    if (Problem problem = check_allowed(given, line.command)) return *problem;
    if (Problem problem = fill_words(line, options)) return *problem;
    if (Problem problem = fill_filter(given, options.filter)) return *problem;
    if (Problem problem = fill_settings(given, options)) return *problem;
    if (Problem problem = fill_report(given, wall_clock(), options)) return *problem;
    return options;
}

ParseOutcome parse_line(const CommandLine& line) {
    CLI::App app;
    declare_options(app);
    // CLI11 takes them last first.
    std::vector<std::string> backwards(line.options.rbegin(), line.options.rend());
    try {
        app.parse(std::move(backwards));
    } catch (const CLI::ParseError& failure) {
        return Error{failure.what(), "the options could not be read", "pipetrace --help lists them"};
    }
    return to_options(line, GivenOptions(app));
}

/// A command line of this setting alone.
Result<CommandLine> line_of(const ConfigSetting& setting, Command command) {
    CommandLine line;
    line.command = command;
    const OptionSpec* option = find_option(setting.name);
    if (option == nullptr || is_never_in_a_file(setting.name)) return no_such_setting(setting.name, command);
    const std::string name = long_name(option->name);
    for (const std::string& value : setting.values) {
        if (option->value != nullptr) {
            line.options.push_back(name + "=" + value);
        } else if (value == "true") {
            line.options.push_back(name);
        } else if (value != "false") {
            return Error{"'" + setting.name + "' is true or false", "its value is neither",
                         "write " + setting.name + " = true"};
        }
    }
    return line;
}

Error at(const std::string& place, Error error) {
    error.what = place + ": " + error.what;
    return error;
}

/// Adds what the file says of options that the line does not name. Each setting is tried by itself first, so
/// that the error can say where.
Problem add_config(const std::string& path, CommandLine& line) {
    const auto text = read_config(path);
    if (!text) return text.error();
    const auto settings = parse_config(path, *text);
    if (!settings) return settings.error();
    std::vector<std::string> added;
    for (const ConfigSetting& setting : *settings) {
        const std::string place = config_place(path, setting.line);
        const auto alone = line_of(setting, line.command);
        if (!alone) return at(place, alone.error());
        const ParseOutcome tried = parse_line(*alone);
        if (const auto* error = std::get_if<Error>(&tried)) return at(place, without_values(*error, setting));
        const std::string name = long_name(setting.name.c_str());
        const bool is_named = std::ranges::any_of(line.options, [&](const std::string& option) {
            return option == name || option.starts_with(name + "=");
        });
        if (!is_named) added.insert(added.end(), alone->options.begin(), alone->options.end());
    }
    line.options.insert(line.options.end(), added.begin(), added.end());
    return std::nullopt;
}

/// The file that --config names, else the default, if it is there.
std::optional<std::string> config_of(const CommandLine& line) {
    if (line.command != Command::kServe) return std::nullopt;
    constexpr std::string_view kConfig = "--config=";
    std::optional<std::string> named;
    for (const std::string& option : line.options) {
        if (option.starts_with(kConfig)) named = option.substr(kConfig.size());
    }
    if (!named && ::access(kDefaultConfig, F_OK) == 0) return kDefaultConfig;
    return named;
}

/// What a relative path means in `folder`.
std::string path_in(const std::string& folder, const std::string& path) {
    return folder.empty() || path.starts_with('/') ? path : folder + "/" + path;
}

void make_paths_absolute(const std::string& folder, Options& options) {
    options.folder = folder;
    if (options.output_path) options.output_path = path_in(folder, *options.output_path);
    if (options.recording_path) options.recording_path = path_in(folder, *options.recording_path);
    for (std::string& path : options.advice_paths) path = path_in(folder, path);
}

ParseOutcome parse_in(const std::string& folder, const std::vector<std::string>& arguments) {
    auto line = split_command_line(arguments);
    if (!line) return line.error();
    if (line->wants_help) return PrintedAnswer{help_text(line->command)};
    if (line->wants_version) return PrintedAnswer{version_text()};
    auto config = config_of(*line);
    if (config) {
        *config = path_in(folder, *config);
        if (Problem problem = add_config(*config, *line)) return *problem;
    }
    ParseOutcome outcome = parse_line(*line);
    if (auto* options = std::get_if<Options>(&outcome)) {
        options->config_path = config;
        options->arguments = arguments;
        if (options->command == Command::kServe) make_paths_absolute(folder, *options);
    }
    return outcome;
}

}  // namespace

ParseOutcome parse_options(const std::vector<std::string>& arguments) {
    std::error_code failed;
    const auto folder = std::filesystem::current_path(failed);
    return parse_in(failed ? "" : folder.string(), arguments);
}

ParseOutcome parse_options(int argc, const char* const* argv) {
    return parse_options(std::vector<std::string>(argv + std::min(argc, 1), argv + argc));
}

Result<Options> reread_options(const Options& in_force) {
    ParseOutcome outcome = parse_in(in_force.folder, in_force.arguments);
    if (const auto* error = std::get_if<Error>(&outcome)) return *error;
    auto& options = std::get<Options>(outcome);
    if (in_force.config_path && !options.config_path)
        return Error{"the configuration file " + *in_force.config_path + " is no longer there",
                     "it was, when it was read last", "put it back, or restart pipetrace to do without"};
    return options;
}

}  // namespace pipetrace
