// Follows the logs of programs: lines that are added from now on, whatever becomes of the files - renamed and
// made anew, truncated, removed, not there yet. inotify says when; once a second it looks for itself, for
// what inotify does not tell (network file systems, a directory made anew).
#pragma once

#include "model/ktime.h"
#include "model/log_line.h"
#include "model/result.h"
#include "source/log_file.h"
#include "source/unique_fd.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pipetrace {

class LogFollower {
public:
    struct Sink {
        LineCutter::Emit line;
        std::function<void(std::uint64_t bytes)> skipped;  ///< a log grew faster than it is read
        std::function<void(const Error&)> trouble;         ///< a log cannot be read any more; the others are
    };

    static Result<std::unique_ptr<LogFollower>> open(const std::vector<std::string>& paths);
    /// The file that incidents are written to must not be among them: it would grow by what is read from it.
    static Status check_output(const std::vector<std::string>& paths, FileId output);

    /// Readable when look() is worth a call; -1 while it rests from much that came.
    int fd() const { return is_resting_ ? -1 : notices_.get(); }
    /// Until look() is worth a call though fd() says nothing.
    std::chrono::milliseconds pause() const;
    /// The caller sleeps until fd() is readable: whatever comes is seen at once.
    void note_sleep();

    /// Reads what came. It rests for a moment after much, so that a flood costs a bounded part of the time.
    void look(const Sink& sink);
    /// The trace ends: the rest, lines without an end too.
    void finish(const Sink& sink);

    /// Those that are not there yet.
    std::vector<std::string> awaited() const;

private:
    /// One --log. A watch is an inotify descriptor, -1 for none.
    struct Followed {
        std::string path;
        std::optional<LogFile> file;
        std::optional<LogFile> previous;  ///< renamed: its program may still write to it
        int file_watch = -1;
        int previous_watch = -1;
        int directory_watch = -1;
        int target_directory_watch = -1;  ///< of the file that a link leads to
        std::string target_name;
        bool is_told = false;     ///< that the file was written to
        bool is_renamed = false;  ///< that something was made, or moved, to its name
        bool is_made = false;     ///< that it was made
        bool has_told_trouble = false;
    };

    explicit LogFollower(UniqueFd notices);
    static LogFile::Sink named_after(const Followed& log, const Sink& sink);
    Status begin(const std::string& path);
    void watch_directories(Followed& log);
    void watch_file(Followed& log);
    void take_notices();
    void take_notice(int watch, std::uint32_t mask, std::string_view name);
    bool is_anything_told() const;
    void look_at_all(const LogFile::Now& now, bool by_itself, const Sink& sink);
    void look_for_new_file(Followed& log, const LogFile::Now& now, const Sink& sink);

    UniqueFd notices_;
    std::vector<Followed> logs_;
    std::int64_t began_wall_ns_ = 0;
    Ktime looked_;         ///< for notices
    Ktime slept_;          ///< since when the caller has slept, after that
    Ktime looked_at_all_;  ///< without a notice
    Ktime rests_until_;
    bool is_resting_ = false;
    bool has_overflowed_ = false;
};

}  // namespace pipetrace
