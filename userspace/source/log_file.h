// One file that a program logs to, as long as it is the same one: reads what is added. Whatever the program
// does to it - it may be hostile - costs a bounded time and memory.
#pragma once

#include "model/ktime.h"
#include "model/result.h"
#include "source/line_cutter.h"
#include "source/unique_fd.h"

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace pipetrace {

/// Where two paths lead to the same.
struct FileId {
    dev_t device = 0;
    ino_t number = 0;

    bool operator==(const FileId&) const = default;
};
inline FileId file_id(const struct stat& status) { return {status.st_dev, status.st_ino}; }

class LogFile {
public:
    struct Sink {
        LineCutter::Emit line;
        std::function<void(std::uint64_t bytes)> skipped;
    };
    struct Now {
        Ktime at;
        std::int64_t wall_ns = 0;
        std::uint64_t busy_ns = 0;  ///< how long nobody had looked for news of any file
    };

    /// A regular file, or an error. Begins at its start.
    static Result<LogFile> open(const std::string& path, Ktime now);
    /// What is there already is not read.
    void begin_at_end();

    /// What has been added since the last time, a quarter of a MiB at most; says how many bytes it was.
    /// `was_told`: the kernel has just said that it was written to, so that this is not older than `busy_ns`.
    std::size_t read(const Now& now, bool was_told, const Sink& sink);
    /// The last line, though it has no end.
    void flush(const Sink& sink) { cutter_.flush(sink.line); }

    int fd() const { return fd_.get(); }
    FileId id() const { return id_; }
    std::int64_t born_ns() const;  ///< wall time; 0 where its file system does not say

private:
    LogFile(UniqueFd fd, const struct stat& status) : fd_(std::move(fd)), id_(file_id(status)) {}
    std::uint64_t lateness(const Now& now, bool was_told, const struct stat& status) const;
    bool is_rewritten() const;
    std::size_t read_until(off_t end, const std::function<void(std::string_view)>& take);

    UniqueFd fd_;
    FileId id_;
    off_t offset_ = 0;
    std::string before_;  ///< the last bytes read, which stand before the offset
    LineCutter cutter_;
    Ktime caught_up_;             ///< when its end was last seen with nothing left to read
    bool has_been_read_ = false;  ///< to its end, once, or what was there is not read
    bool is_behind_ = false;
};

}  // namespace pipetrace
