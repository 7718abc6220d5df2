#include "source/log_follower.h"

#include "source/host_reader.h"

#include <sys/inotify.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <utility>

namespace pipetrace {
namespace {

constexpr std::size_t kLogsMax = 64;
constexpr std::uint64_t kLookNs = 1'000'000'000;
constexpr std::uint64_t kRestNs = 10'000'000;
constexpr std::size_t kRestAfterBytes = 1U << 18;
/// A file's time of birth is that of the last clock tick.
constexpr std::int64_t kTickNsMax = 10'000'000;
constexpr int kNoticeReadsMax = 64;

std::int64_t read_wall_ns() {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

/// "/var/log" and "app.log" of "/var/log/app.log".
std::pair<std::string, std::string> split_path(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos) return {".", path};
    return {slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

std::optional<FileId> id_at(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return std::nullopt;
    return file_id(status);
}

/// The kernel's own name for it, which leads to the same file whatever became of its path.
std::string name_of(const LogFile& file) { return "/proc/self/fd/" + std::to_string(file.fd()); }

/// Where the links of its path have led to; empty if that is not known.
std::string target_of(const LogFile& file) {
    char* resolved = ::realpath(name_of(file).c_str(), nullptr);
    if (resolved == nullptr) return "";
    std::string target(resolved);
    std::free(resolved);
    return target;
}

}  // namespace

LogFollower::LogFollower(UniqueFd notices)
    : notices_(std::move(notices)),
      began_wall_ns_(read_wall_ns()),
      looked_(read_ktime()),
      looked_at_all_(looked_) {}

Result<std::unique_ptr<LogFollower>> LogFollower::open(const std::vector<std::string>& paths) {
    if (paths.size() > kLogsMax) {
        return Error{"too many logs: " + std::to_string(paths.size()),
                     "at most " + std::to_string(kLogsMax) + " are followed at once",
                     "Leave out those that say nothing of connections."};
    }
    UniqueFd notices(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (!notices) {
        return Error{"the logs cannot be followed", std::string("inotify: ") + std::strerror(errno),
                     "Raise fs.inotify.max_user_instances."};
    }
    std::unique_ptr<LogFollower> follower(new LogFollower(std::move(notices)));
    for (const std::string& path : paths) {
        if (const Status begun = follower->begin(path); !begun) return begun.error();
    }
    return follower;
}

Status LogFollower::check_output(const std::vector<std::string>& paths, FileId output) {
    for (const std::string& path : paths) {
        if (id_at(path) != output) continue;
        return Error{"the log " + path + " cannot be followed",
                     "it is the file that the incidents are written to",
                     "Write them elsewhere with -o: what pipetrace tells would be told again."};
    }
    return Done{};
}

/// One that is not there yet is waited for, where its directory is.
Status LogFollower::begin(const std::string& path) {
    Followed log;
    log.path = path;
    if (!id_at(path) && errno == ENOENT) {
        const std::string directory = split_path(path).first;
        struct stat status {};
        if (::stat(directory.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) {
            return Error{"the log " + path + " cannot be followed", "there is no directory " + directory,
                         "Check the path: a file that is not there yet is waited for, its directory is not."};
        }
    } else {
        auto file = LogFile::open(path, looked_);
        if (!file) return file.error();
        file->begin_at_end();
        log.file.emplace(std::move(*file));
    }
    const bool is_known = std::any_of(logs_.begin(), logs_.end(), [&](const Followed& known) {
        return known.path == path || (known.file && log.file && known.file->id() == log.file->id());
    });
    if (is_known) return Done{};
    logs_.push_back(std::move(log));
    watch_directories(logs_.back());
    watch_file(logs_.back());
    return Done{};
}

/// A directory that was removed and made again is another one: asking again costs nothing where it is the
/// same.
void LogFollower::watch_directories(Followed& log) {
    constexpr std::uint32_t kWanted = IN_CREATE | IN_MOVED_TO | IN_ONLYDIR;
    log.directory_watch = ::inotify_add_watch(notices_.get(), split_path(log.path).first.c_str(), kWanted);
    const std::string target = log.file ? target_of(*log.file) : "";
    if (target.empty()) return;
    const auto [directory, name] = split_path(target);
    log.target_directory_watch = ::inotify_add_watch(notices_.get(), directory.c_str(), kWanted);
    log.target_name = name;
}

void LogFollower::watch_file(Followed& log) {
    if (log.file) log.file_watch = ::inotify_add_watch(notices_.get(), name_of(*log.file).c_str(), IN_MODIFY);
}

std::vector<std::string> LogFollower::awaited() const {
    std::vector<std::string> paths;
    for (const Followed& log : logs_) {
        if (!log.file) paths.push_back(log.path);
    }
    return paths;
}

std::chrono::milliseconds LogFollower::pause() const {
    const Ktime due = is_resting_ ? rests_until_ : looked_at_all_ + kLookNs;
    const Ktime now = read_ktime();
    if (due <= now) return std::chrono::milliseconds{0};
    return std::chrono::ceil<std::chrono::milliseconds>(std::chrono::nanoseconds(due.ns - now.ns));
}

void LogFollower::note_sleep() { slept_ = read_ktime(); }

void LogFollower::take_notices() {
    alignas(inotify_event) std::array<char, 4096> buffer;
    for (int i = 0; i < kNoticeReadsMax; ++i) {
        const ssize_t size = ::read(notices_.get(), buffer.data(), buffer.size());
        if (size <= 0) return;
        for (ssize_t at = 0; at < size;) {
            inotify_event event{};
            std::memcpy(&event, buffer.data() + at, sizeof(event));
            const char* name = buffer.data() + at + sizeof(event);
            take_notice(event.wd, event.mask, event.len > 0 ? std::string_view(name) : std::string_view());
            at += static_cast<ssize_t>(sizeof(event) + event.len);
        }
    }
}

void LogFollower::take_notice(int watch, std::uint32_t mask, std::string_view name) {
    if ((mask & IN_Q_OVERFLOW) != 0) has_overflowed_ = true;
    for (Followed& log : logs_) {
        if ((mask & IN_MODIFY) != 0 && (watch == log.file_watch || watch == log.previous_watch))
            log.is_told = true;
        const bool is_name = watch == log.directory_watch && name == split_path(log.path).second;
        const bool is_target = watch == log.target_directory_watch && name == log.target_name;
        if (!is_name && !is_target) continue;
        log.is_renamed = true;
        log.is_made = log.is_made || (mask & IN_CREATE) != 0;
    }
}

bool LogFollower::is_anything_told() const {
    return has_overflowed_ || std::any_of(logs_.begin(), logs_.end(),
                                          [](const Followed& log) { return log.is_told || log.is_renamed; });
}

void LogFollower::look(const Sink& sink) {
    const Ktime now = read_ktime();
    if (is_resting_ && now < rests_until_) return;
    const bool has_rested = std::exchange(is_resting_, false);
    take_notices();
    const bool by_itself = looked_at_all_ + kLookNs <= now;
    const bool has_slept = !has_rested && slept_ > looked_;
    if (is_anything_told() || by_itself || has_rested) {
        const std::uint64_t busy_ns = (has_slept ? slept_ : now).ns - looked_.ns;
        look_at_all({now, read_wall_ns(), busy_ns}, by_itself, sink);
    }
    looked_ = now;
}

void LogFollower::finish(const Sink& sink) {
    is_resting_ = false;
    look(sink);
    const Ktime now = read_ktime();
    look_at_all({now, read_wall_ns(), now.ns - looked_.ns}, true, sink);
    for (Followed& log : logs_) {
        const LogFile::Sink named = named_after(log, sink);
        if (log.previous) log.previous->flush(named);
        if (log.file) log.file->flush(named);
    }
}

LogFile::Sink LogFollower::named_after(const Followed& log, const Sink& sink) {
    return {[&log, &sink](LogLine&& line) {
                line.file = log.path;
                sink.line(std::move(line));
            },
            sink.skipped};
}

void LogFollower::look_at_all(const LogFile::Now& now, bool by_itself, const Sink& sink) {
    std::size_t bytes_read = 0;
    for (Followed& log : logs_) {
        const LogFile::Sink named = named_after(log, sink);
        // What it was renamed from comes before what it is now.
        if (log.previous) bytes_read += log.previous->read(now, log.is_told, named);
        if (log.file) bytes_read += log.file->read(now, log.is_told, named);
        if (by_itself) watch_directories(log);
        if (by_itself || log.is_renamed || has_overflowed_) {
            look_for_new_file(log, now, sink);
            if (log.file) bytes_read += log.file->read(now, log.is_told, named);
        }
        log.is_told = log.is_renamed = log.is_made = false;
    }
    has_overflowed_ = false;
    if (by_itself) looked_at_all_ = now.at;
    is_resting_ = bytes_read >= kRestAfterBytes;
    rests_until_ = now.at + kRestNs;
}

void LogFollower::look_for_new_file(Followed& log, const LogFile::Now& now, const Sink& sink) {
    const auto id = id_at(log.path);
    if (!id || (log.file && log.file->id() == *id)) return;
    auto file = LogFile::open(log.path, log.is_renamed ? now.at - now.busy_ns : looked_at_all_);
    if (!file) {
        if (!std::exchange(log.has_told_trouble, true)) sink.trouble(file.error());
        return;
    }
    log.has_told_trouble = false;
    // What was there before the trace, under another name, is not read.
    const std::int64_t born_ns = file->born_ns();
    const bool is_new = born_ns != 0 ? born_ns + kTickNsMax >= began_wall_ns_ : log.is_made;
    if (!is_new) file->begin_at_end();
    if (log.previous) ::inotify_rm_watch(notices_.get(), log.previous_watch);
    log.previous = std::exchange(log.file, std::move(*file));
    log.previous_watch = log.file_watch;
    watch_file(log);
    watch_directories(log);
}

}  // namespace pipetrace
