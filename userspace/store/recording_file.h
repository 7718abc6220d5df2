// The file that a recording is written to: made so that only its owner reads it, and held so that only one
// process writes it.
#pragma once

#include "model/result.h"

#include <cstdint>
#include <string>
#include <utility>

namespace pipetrace {

class RecordingFile {
public:
    /// Creates `path` (mode 0600, whatever the umask; kRecordingFolder too, 0700) or opens what is there, and
    /// locks it. An Error where it cannot be, is another user's or no plain file, holds something else, or is
    /// being written by another.
    static Result<RecordingFile> open(const std::string& path);
    RecordingFile(RecordingFile&& other) noexcept
        : name_(std::move(other.name_)),
          path_(std::move(other.path_)),
          fd_(std::exchange(other.fd_, -1)),
          created_(other.created_) {}
    RecordingFile& operator=(RecordingFile&&) = delete;
    /// Close SQLite's connection before: closing any descriptor of a file drops the locks that SQLite has on
    /// it.
    ~RecordingFile();

    const std::string& name() const { return name_; }  ///< as it was given
    const std::string& path() const { return path_; }  ///< with no link in it
    /// It is known to be a recording now, perhaps one that others could read.
    void make_private() const;
    /// Its name leads to it no more: it was removed, or moved away.
    bool is_removed() const;
    /// Takes back a file that open() created and that became nothing.
    void remove_if_created() const;

private:
    RecordingFile(const std::string& path, int fd, bool created);

    std::string name_;
    std::string path_;
    int fd_;
    bool created_;
};

/// Gives a recording that nobody writes, and what lies beside it, a name beside that of a recording: that name.
/// One that had it before is gone.
Result<std::string> set_aside(const std::string& path);
/// SQLite keeps the WAL beside the file itself, wherever links to it lie: `path` without links, or as it is
/// where that cannot be told.
std::string without_links(const std::string& path);
/// It leads to no file.
bool is_dangling_link(const std::string& path);
/// What the recording takes on the disk: the file, its WAL and the WAL's index.
std::uint64_t recording_bytes(const std::string& path);
/// 0 where there is none.
std::uint64_t file_bytes(const std::string& path);

}  // namespace pipetrace
