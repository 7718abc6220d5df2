// CLI11 reads what stands on one line. Which line that is, comments (it takes a # in quotes for one) and what
// it passes over in silence are looked after here.
#include "cli/config_file.h"

#include "cli/option_table.h"

#include <CLI/CLI.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <sstream>
#include <string_view>

namespace pipetrace {
namespace {

constexpr std::size_t kConfigBytesMax = 64 * 1024;
constexpr char kNoComment = '\0';

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view kBlanks = " \t\r";
    const std::size_t begin = text.find_first_not_of(kBlanks);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

constexpr const char* kBadQuotes =
    "a quote is not closed, or holds a backslash: between single quotes it may stand";

/// Up to its comment. Nothing where a quote is not closed, or escapes something: CLI11's versions differ in
/// what that stands for.
std::optional<std::string_view> without_comment(std::string_view line) {
    char quote = '\0';
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (quote != '\0') {
            if (quote == '"' && line[i] == '\\') return std::nullopt;
            if (line[i] == quote) quote = '\0';
        } else if (line[i] == '"' || line[i] == '\'') {
            quote = line[i];
        } else if (line[i] == '#' || (line[i] == ';' && i == 0)) {
            return trimmed(line.substr(0, i));
        }
    }
    return quote == '\0' ? std::optional(trimmed(line)) : std::nullopt;
}

/// What follows the name begins a list whose end is not there yet.
bool is_open_list(std::string_view setting) {
    const std::size_t equals = setting.find('=');
    if (equals == std::string_view::npos) return false;
    const std::string_view value = trimmed(setting.substr(equals + 1));
    return value.starts_with('[') && !value.ends_with(']');
}

Error unreadable(const std::string& place, const std::string& why) {
    return {place + ": this line cannot be read", why,
            "write NAME = VALUE, NAME = [\"VALUE\", ...], or NAME of a flag"};
}

/// One setting, all that belongs to it on one line.
Result<ConfigSetting> parse_setting(const std::string& place, std::string_view setting) {
    if (setting.starts_with('['))
        return unreadable(place, "it begins a section, and the options of pipetrace have none");
    std::istringstream stream{std::string(setting)};
    CLI::ConfigTOML format;
    format.comment(kNoComment);
    const std::vector<CLI::ConfigItem> items = format.from_config(stream);
    // One of a character or two is passed over.
    if (items.size() != 1) return unreadable(place, "it is too short for a setting");
    const CLI::ConfigItem& item = items.front();
    if (item.name.empty() || !item.parents.empty()) return unreadable(place, "its name is no option's");
    ConfigSetting parsed{item.name, item.inputs, 0};
    std::erase(parsed.values, "");
    if (parsed.values.empty()) return unreadable(place, "it has no value");
    return parsed;
}

Error no_config(const std::string& path, std::string why) {
    return {fmt::format("cannot use the configuration file {}", path), std::move(why),
            "name a plain file of at most 64 KiB that root owns and only its owner may write to, in a folder "
            "of which the same is true"};
}

bool is_trusted(uid_t user) { return user == 0 || user == ::geteuid(); }

/// Who may write to it may put another file, or a link to one, in the file's place.
Status check_folder(const std::string& path, const std::filesystem::path& folder) {
    struct stat status {};
    struct statvfs mount {};
    const std::string name = folder.empty() ? "." : folder.string();
    if (::stat(name.c_str(), &status) != 0) return no_config(path, std::strerror(errno));
    // As Kubernetes mounts a ConfigMap: open to all by its mode, and to nobody in fact.
    if (::statvfs(name.c_str(), &mount) == 0 && (mount.f_flag & ST_RDONLY) != 0) return Done{};
    if (!is_trusted(status.st_uid))
        return no_config(
            path, fmt::format("its folder {} belongs to the user {}, who could put another in its place",
                              name, status.st_uid));
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return no_config(
            path, fmt::format("others than its owner may write to the folder {}, and put another file in "
                              "its place",
                              name));
    return Done{};
}

/// The folder of the name, and that of the file itself where the name is a link.
Status check_folders(const std::string& path) {
    const std::filesystem::path named(path);
    if (Status checked = check_folder(path, named.parent_path()); !checked) return checked;
    std::error_code failure;
    const std::filesystem::path file = std::filesystem::canonical(named, failure);
    if (failure) return no_config(path, failure.message());
    return check_folder(path, file.parent_path());
}

constexpr std::array<std::string_view, 3> kNeverInAFile{"config", "help", "version"};

/// A word that somebody may have meant for an option's name.
bool is_plausible_name(std::string_view word) {
    constexpr std::size_t kSizeMax = 40;
    constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    return !word.empty() && word.size() <= kSizeMax &&
           word.find_first_not_of(kLetters) == std::string_view::npos;
}

}  // namespace

std::string config_place(const std::string& path, std::size_t line) {
    return fmt::format("{}:{}", path, line);
}

Result<std::vector<ConfigSetting>> parse_config(const std::string& path, const std::string& text) {
    std::vector<ConfigSetting> settings;
    std::istringstream lines(text);
    std::size_t number = 0;
    for (std::string line; std::getline(lines, line);) {
        const std::size_t first = ++number;
        const std::string place = config_place(path, first);
        if (line.find('\0') != std::string::npos)
            return unreadable(place, "it holds a byte 0: this is no text");
        auto content = without_comment(trimmed(line));
        if (!content) return unreadable(place, kBadQuotes);
        if (content->empty()) continue;
        std::string setting(*content);
        std::string next;
        while (is_open_list(setting) && std::getline(lines, next)) {
            ++number;
            const auto more = without_comment(trimmed(next));
            if (!more) return unreadable(config_place(path, number), kBadQuotes);
            setting += ' ';
            setting += *more;
            setting = trimmed(setting);
        }
        if (is_open_list(setting)) return unreadable(place, "its list has no end");
        auto parsed = parse_setting(place, setting);
        if (!parsed) return parsed.error();
        parsed->line = first;
        settings.push_back(std::move(*parsed));
    }
    return settings;
}

bool is_never_in_a_file(const std::string& name) {
    return std::ranges::find(kNeverInAFile, name) != kNeverInAFile.end();
}

Error no_such_setting(const std::string& name, Command command) {
    const std::string list = command_title(command) + " --help lists them";
    if (is_never_in_a_file(name))
        return {"'" + name + "' has no meaning in the file", "it is for the command line alone",
                "remove this line"};
    constexpr const char* kWhy = "the settings are the long names of the options";
    if (!is_plausible_name(name)) return {"this line sets nothing that there is", kWhy, list};
    const std::string nearest = nearest_option(name);
    if (nearest.empty() || is_never_in_a_file(nearest))
        return {"this line sets nothing that there is", kWhy, list};
    return {"there is no setting '" + name + "'", kWhy, "did you mean '" + nearest + "'?"};
}

Error without_values(Error error, const ConfigSetting& setting) {
    const bool quotes_one = std::ranges::any_of(setting.values, [&](const std::string& value) {
        return error.what.find("'" + value + "'") != std::string::npos;
    });
    if (quotes_one) error.what = "--" + setting.name + " cannot have this value";
    return error;
}

Result<std::string> read_config(const std::string& path) {
    // A FIFO would hold us for ever.
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) return no_config(path, std::strerror(errno));
    const auto close_it = [](const int* held) { ::close(*held); };
    const std::unique_ptr<const int, decltype(close_it)> closer(&fd, close_it);
    struct stat status {};
    if (::fstat(fd, &status) != 0) return no_config(path, std::strerror(errno));
    if (!S_ISREG(status.st_mode))
        return no_config(path, S_ISDIR(status.st_mode) ? "it is a directory" : "it is no plain file");
    if (!is_trusted(status.st_uid))
        return no_config(
            path, fmt::format("it belongs to the user {}, who could change what we do", status.st_uid));
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return no_config(path, "others than its owner may write to it");
    if (const Status checked = check_folders(path); !checked) return checked.error();
    std::string text(kConfigBytesMax + 1, '\0');
    std::size_t size = 0;
    while (size < text.size()) {
        const ssize_t count = ::read(fd, text.data() + size, text.size() - size);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return no_config(path, std::strerror(errno));
        if (count == 0) break;
        size += static_cast<std::size_t>(count);
    }
    if (size > kConfigBytesMax) return no_config(path, "it is too large");
    text.resize(size);
    return text;
}

}  // namespace pipetrace
