#include "cli/option_table.h"

#include "model/nearest_name.h"

#include <algorithm>
#include <iterator>

namespace pipetrace {
namespace {

constexpr CommandSet kLive = only(Command::kTrace) | only(Command::kRecord);
constexpr CommandSet kServe = only(Command::kServe);
constexpr CommandSet kTracing = kLive | only(Command::kRun);
constexpr CommandSet kReport = only(Command::kReport);
constexpr CommandSet kChoosing = kTracing | kReport | kServe;
constexpr CommandSet kShowing = kTracing | only(Command::kDemo) | kServe;
constexpr CommandSet kProbing = kShowing | only(Command::kDoctor);
constexpr CommandSet kRecord = only(Command::kRecord);
constexpr CommandSet kPrinting =
    only(Command::kTrace) | only(Command::kRun) | only(Command::kDemo) | only(Command::kDoctor) | kReport | kServe;
constexpr CommandSet kAny = kProbing | kReport | only(Command::kExplain);

constexpr OptionSpec kOptions[] = {
    {"pid", 'p', "PID", kLive | kReport},
    {"follow", 'f', nullptr, kTracing},
    {"no-follow", '\0', nullptr, kTracing},
    {"comm", '\0', "NAME", kChoosing},
    {"user", 'u', "USER", kChoosing},
    {"cgroup", '\0', "PATH", kChoosing},
    {"container", '\0', "ID", kChoosing},
    {"port", '\0', "PORT", kChoosing},
    {"local-port", '\0', "PORT", kChoosing},
    {"remote-port", '\0', "PORT", kChoosing},
    {"kind", '\0', "KIND", kChoosing},
    {"errno", '\0', "ERRNO", kChoosing},
    {"cause", '\0', "CAUSE", kChoosing},
    {"severity", '\0', "SEVERITY", kChoosing},
    {"origin", '\0', nullptr, kChoosing},
    {"count", 'c', "N", kTracing | kServe},
    {"duration", 'd', "SECONDS", kTracing | kServe},
    {"json", '\0', nullptr, kPrinting},
    {"output", 'o', "FILE", kShowing | kReport},
    {"verbose", 'v', nullptr, kShowing | kReport},
    {"quiet", 'q', nullptr, kShowing | kReport},
    {"mode", '\0', "MODE", kProbing},
    {"errors", '\0', "WAY", kProbing},
    {"without", '\0', "OBSERVATION", kTracing | only(Command::kDoctor) | kServe},
    {"idle-after", '\0', "SECONDS", kShowing},
    {"cmdline", '\0', nullptr, kTracing | only(Command::kDemo)},
    {"advice", '\0', "FILE", kShowing | kReport},
    {"log", '\0', "FILE", only(Command::kTrace) | only(Command::kRun)},
    {"since", 'S', "TIME", kReport},
    {"until", 'U', "TIME", kReport},
    {"utc", '\0', nullptr, kReport},
    {"id", '\0', "ID", kReport},
    {"html", '\0', "OUT", kReport},
    {"max-size", '\0', "SIZE", kRecord | kServe},
    {"max-age", '\0', "AGE", kRecord | kServe},
    {"redact", '\0', nullptr, kRecord},
    {"metrics", '\0', "ADDR:PORT", kServe},
    {"recording", '\0', "FILE", kServe},
    {"config", '\0', "FILE", kServe},
    {"run-as", '\0', "USER", only(Command::kRun)},
    {"help", 'h', nullptr, kAny},
    {"version", 'V', nullptr, kAny},
};

constexpr CommandSpec kCommands[] = {
    {"run", Command::kRun},       {"record", Command::kRecord},   {"demo", Command::kDemo},
    {"doctor", Command::kDoctor}, {"explain", Command::kExplain}, {"report", Command::kReport},
    {"serve", Command::kServe},
};

}  // namespace

std::span<const OptionSpec> option_table() { return kOptions; }

const OptionSpec* find_option(std::string_view name) {
    const auto* found = std::find_if(std::begin(kOptions), std::end(kOptions),
                                     [&](const OptionSpec& option) { return option.name == name; });
    return found == std::end(kOptions) ? nullptr : found;
}

const OptionSpec* find_option(char letter) {
    if (letter == '\0') return nullptr;
    const auto* found = std::find_if(std::begin(kOptions), std::end(kOptions),
                                     [&](const auto& option) { return option.letter == letter; });
    return found == std::end(kOptions) ? nullptr : found;
}

std::string nearest_option(const std::string& name) {
    std::vector<std::string> known;
    for (const OptionSpec& option : kOptions) known.emplace_back(option.name);
    return nearest_name(name, known);
}

std::string option_title(const OptionSpec& option) {
    const std::string name = std::string("--") + option.name;
    return option.letter == '\0' ? name : std::string("-") + option.letter + "/" + name;
}

std::span<const CommandSpec> command_table() { return kCommands; }

std::string command_title(Command command) {
    for (const CommandSpec& spec : kCommands) {
        if (spec.command == command) return std::string("pipetrace ") + spec.name;
    }
    return "pipetrace";
}

}  // namespace pipetrace
