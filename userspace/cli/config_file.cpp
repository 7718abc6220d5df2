// CLI11 reads what stands on one line. Which line that is, comments (it takes a # in quotes for one) and what
// it passes over in silence are looked after here.
#include "cli/config_file.h"

#include <CLI/CLI.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
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
            "name a plain file of at most 64 KiB that root owns and only its owner may write to"};
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
    if (status.st_uid != 0 && status.st_uid != ::geteuid())
        return no_config(
            path, fmt::format("it belongs to the user {}, who could change what we do", status.st_uid));
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return no_config(path, "others than its owner may write to it");
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
