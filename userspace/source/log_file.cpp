#include "source/log_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

namespace pipetrace {
namespace {

constexpr std::size_t kPieceBytes = 1U << 16;
constexpr off_t kReadBytesMax = 1 << 18;
/// Further behind than this, all but the newest is passed over.
constexpr off_t kBehindBytesMax = 1 << 20;
constexpr std::size_t kBeforeBytes = 16;
/// What a line that came in time may be late by: a clock tick of the file's time (10 ms at 100 Hz), and as
/// much for whoever waits to be woken.
constexpr std::uint64_t kInTimeNs = 20'000'000;
constexpr std::int64_t kNsPerSecond = 1'000'000'000;

Error unreadable(const std::string& path, int error) {
    const char* remedy = error == EACCES
                             ? "Name a file that root may read; on a network file system root may be nobody."
                         : error == ELOOP ? "Its links lead in a circle: name the file itself."
                                          : "Name the file that the program writes its log to.";
    return Error{"the log " + path + " cannot be read", std::strerror(error), remedy};
}

}  // namespace

Result<LogFile> LogFile::open(const std::string& path, Ktime now) {
    // Nobody's writer is waited for, and no terminal becomes ours.
    UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    struct stat status {};
    if (!fd || ::fstat(fd.get(), &status) != 0) return unreadable(path, errno);
    if (!S_ISREG(status.st_mode)) {
        return Error{"the log " + path + " cannot be followed", "it is no regular file",
                     "Name a file that lines are added to; of the journal: journalctl -f -u UNIT > FILE"};
    }
    LogFile file(std::move(fd), status);
    file.caught_up_ = now;
    return file;
}

/// A line that is half written has begun before.
void LogFile::begin_at_end() {
    has_been_read_ = true;
    struct stat status {};
    if (::fstat(fd_.get(), &status) != 0 || status.st_size == 0) return;
    char last = '\n';
    if (::pread(fd_.get(), &last, 1, status.st_size - 1) == 1) before_.assign(1, last);
    offset_ = status.st_size;
    if (last != '\n') cutter_.skip_line();
}

std::int64_t LogFile::born_ns() const {
    struct statx status {};
    if (::statx(fd_.get(), "", AT_EMPTY_PATH, STATX_BTIME, &status) != 0) return 0;
    if ((status.stx_mask & STATX_BTIME) == 0) return 0;
    return status.stx_btime.tv_sec * kNsPerSecond + status.stx_btime.tv_nsec;
}

/// It was made shorter and has grown again since: what stands before the offset is something else.
bool LogFile::is_rewritten() const {
    std::array<char, kBeforeBytes> bytes{};
    const auto size = static_cast<ssize_t>(before_.size());
    return ::pread(fd_.get(), bytes.data(), before_.size(), offset_ - size) != size ||
           std::memcmp(bytes.data(), before_.data(), before_.size()) != 0;
}

/// How much earlier the bytes may have been written: since all that was there had been read, at most. Within
/// that, the file's own time can only add to it: its program may have set that, or somebody the clock. Of a
/// file that is new here it alone tells what was written under another name.
std::uint64_t LogFile::lateness(const Now& now, bool was_told, const struct stat& status) const {
    const std::uint64_t unread = now.at.ns - caught_up_.ns;
    std::uint64_t late = was_told && !is_behind_ ? now.busy_ns : unread;
    const std::int64_t written = status.st_mtim.tv_sec * kNsPerSecond + status.st_mtim.tv_nsec;
    if (written < now.wall_ns) late = std::max(late, static_cast<std::uint64_t>(now.wall_ns - written));
    if (has_been_read_) late = std::min(late, unread);
    return late > kInTimeNs ? late : 0;
}

std::size_t LogFile::read(const Now& now, bool was_told, const Sink& sink) {
    struct stat status {};
    if (::fstat(fd_.get(), &status) != 0) return 0;
    if (status.st_size < offset_ || (status.st_size > offset_ && is_rewritten())) {
        cutter_.flush(sink.line);
        before_.clear();
        offset_ = 0;
    }
    const off_t added = status.st_size - offset_;
    const std::uint64_t late_ns = lateness(now, was_told, status);
    if (added > kBehindBytesMax) {
        const off_t passed_over = added - kReadBytesMax;
        offset_ += passed_over;
        cutter_.flush(sink.line);
        cutter_.skip_line();
        sink.skipped(static_cast<std::uint64_t>(passed_over));
    }
    const off_t end = std::min(status.st_size, offset_ + kReadBytesMax);
    const auto bytes_read =
        read_until(end, [&](std::string_view bytes) { cutter_.feed(bytes, now.at, late_ns, sink.line); });
    is_behind_ = offset_ < status.st_size;
    if (!is_behind_) {
        caught_up_ = now.at;
        has_been_read_ = true;
    }
    return bytes_read;
}

std::size_t LogFile::read_until(off_t end, const std::function<void(std::string_view)>& take) {
    std::array<char, kPieceBytes> buffer;
    std::size_t total = 0;
    while (offset_ < end) {
        const auto wanted = std::min(buffer.size(), static_cast<std::size_t>(end - offset_));
        const ssize_t count = ::pread(fd_.get(), buffer.data(), wanted, offset_);
        if (count <= 0) break;  // made shorter meanwhile, or an error of the disk's: seen at the next look
        const std::string_view bytes(buffer.data(), static_cast<std::size_t>(count));
        take(bytes);
        before_ += bytes.substr(bytes.size() - std::min(bytes.size(), kBeforeBytes));
        before_.erase(0, before_.size() - std::min(before_.size(), kBeforeBytes));
        offset_ += count;
        total += bytes.size();
    }
    return total;
}

}  // namespace pipetrace
