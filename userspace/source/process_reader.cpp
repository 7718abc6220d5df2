// Every answer is checked against the process's start time, read after the answer: an id that changed
// hands in between is caught.
#include "source/process_reader.h"

#include "source/file_reader.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <memory>
#include <unordered_map>
#include <unordered_set>

namespace pipetrace {
namespace {

constexpr std::uint64_t kNsPerSecond = 1'000'000'000;
// Fields of /proc/PID/stat after the name, which may hold spaces: state, ppid ... starttime.
constexpr int kParentField = 1, kStartField = 19;

std::optional<std::uint64_t> number_in(std::string_view text) {
    std::uint64_t value = 0;
    const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || result.ec != std::errc()) return std::nullopt;
    return value;
}

std::optional<std::uint64_t> stat_field(const std::string& stat, int wanted) {
    const auto name_end = stat.rfind(')');
    if (name_end == std::string::npos) return std::nullopt;
    std::string_view rest = std::string_view(stat).substr(std::min(name_end + 2, stat.size()));
    for (int field = 0; field < wanted; ++field) {
        const auto space = rest.find(' ');
        if (space == std::string_view::npos) return std::nullopt;
        rest.remove_prefix(space + 1);
    }
    return number_in(rest.substr(0, rest.find(' ')));
}

/// "Tgid:\t4242" in /proc/PID/status -> 4242.
std::optional<std::uint64_t> status_number(const std::string& status, std::string_view field) {
    const auto at = status.find("\n" + std::string(field) + "\t");
    if (at == std::string::npos) return std::nullopt;
    const auto start = at + field.size() + 2;
    return number_in(std::string_view(status).substr(start, status.find('\n', start) - start));
}

/// /proc counts in ticks of USER_HZ, the kernel in nanoseconds.
bool is_same_start(std::uint64_t start_boottime_ns, std::uint64_t start_ticks) {
    const auto ticks_per_second = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
    return start_boottime_ns / (kNsPerSecond / ticks_per_second) == start_ticks;
}

/// "pipe:[4242]", "socket:[4242]" -> 4242.
std::optional<std::uint64_t> inode_in(std::string_view link) {
    for (const std::string_view kind : {"pipe:[", "socket:["})
        if (link.starts_with(kind) && link.ends_with(']'))
            return number_in(link.substr(kind.size(), link.size() - kind.size() - 1));
    return std::nullopt;
}

std::optional<std::string> read_link(const std::string& path) {
    std::array<char, PATH_MAX> target{};
    const ssize_t size = ::readlink(path.c_str(), target.data(), target.size());
    if (size <= 0) return std::nullopt;
    return std::string(target.data(), static_cast<std::size_t>(size));
}

std::vector<std::string> split_cmdline(std::string_view content) {
    std::vector<std::string> arguments;
    while (!content.empty()) {
        const auto end = std::min(content.find('\0'), content.size());
        arguments.emplace_back(content.substr(0, end));
        content.remove_prefix(std::min(end + 1, content.size()));
    }
    return arguments;
}

}  // namespace

ProcessReader::ProcessReader(std::string proc_root) : proc_root_(std::move(proc_root)) {}

std::string ProcessReader::path_of(Tgid tgid, std::string_view file) const {
    return proc_root_ + "/" + std::to_string(tgid) + "/" + std::string(file);
}

std::optional<ProcessDetails> ProcessReader::details(const ProcessId& process, bool with_cmdline) const {
    if (!process.known()) return std::nullopt;
    ProcessDetails details;
    details.exe = read_link(path_of(process.tgid, "exe"));
    if (const auto lines = read_whole_file(path_of(process.tgid, "cgroup")))
        details.set_cgroup(choose_cgroup(*lines));
    if (with_cmdline)
        if (const auto content = read_whole_file(path_of(process.tgid, "cmdline")))
            details.cmdline = split_cmdline(*content);
    const auto stat = read_whole_file(path_of(process.tgid, "stat"));
    const auto start = stat ? stat_field(*stat, kStartField) : std::nullopt;
    if (!start || !is_same_start(process.start_boottime_ns, *start)) return std::nullopt;
    return details;
}

std::optional<Tgid> ProcessReader::process_of(Tid id) const {
    const auto status = read_whole_file(path_of(id, "status"));
    if (!status) return std::nullopt;
    const auto tgid = status_number(*status, "Tgid:");
    if (!tgid) return std::nullopt;
    // A leader that has ended looks like a zombie while other threads of its process run on.
    const auto leader = *tgid == id ? status : read_whole_file(path_of(static_cast<Tgid>(*tgid), "status"));
    if (!leader) return std::nullopt;
    const bool has_ended = leader->find("\nState:\tZ") != std::string::npos ||
                           leader->find("\nState:\tX") != std::string::npos;
    if (has_ended && status_number(*leader, "Threads:").value_or(0) <= 1) return std::nullopt;
    return static_cast<Tgid>(*tgid);
}

std::optional<std::string> ProcessReader::comm(Tgid tgid) const {
    return read_first_line(path_of(tgid, "comm"));
}

std::optional<std::vector<std::uint64_t>> ProcessReader::open_inodes(Tgid tgid) const {
    constexpr std::size_t kDescriptorsMax = 16384;
    const std::string folder = path_of(tgid, "fd");
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(folder.c_str()), ::closedir);
    if (!directory) return std::nullopt;
    std::vector<std::uint64_t> inodes;
    std::size_t descriptors = 0;
    while (const dirent* entry = ::readdir(directory.get())) {
        if (++descriptors > kDescriptorsMax) return std::nullopt;
        const auto link = read_link(folder + "/" + entry->d_name);
        if (link) {
            if (const auto inode = inode_in(*link)) inodes.push_back(*inode);
        } else if (errno == EACCES || errno == EPERM) {
            return std::nullopt;
        }
    }
    // Where the first thread has ended, none is listed though others have them all. Two are the folder's own.
    if (descriptors <= 2) return std::nullopt;
    std::sort(inodes.begin(), inodes.end());
    return inodes;
}

std::vector<Tgid> ProcessReader::descendants(Tgid tgid) const {
    std::unordered_map<Tgid, std::vector<Tgid>> children;
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(proc_root_.c_str()), ::closedir);
    if (!directory) return {};
    while (const dirent* entry = ::readdir(directory.get())) {
        const auto id = number_in(entry->d_name);
        const auto stat = id ? read_whole_file(path_of(static_cast<Tgid>(*id), "stat")) : std::nullopt;
        const auto parent = stat ? stat_field(*stat, kParentField) : std::nullopt;
        if (parent) children[static_cast<Tgid>(*parent)].push_back(static_cast<Tgid>(*id));
    }
    std::vector<Tgid> found{tgid};
    std::unordered_set<Tgid> seen{tgid};
    for (std::size_t i = 0; i < found.size(); ++i)
        for (const Tgid child : children[found[i]])
            if (seen.insert(child).second) found.push_back(child);
    found.erase(found.begin());
    return found;
}

}  // namespace pipetrace
