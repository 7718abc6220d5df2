#include "store/recording_file.h"

#include "store/recording.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>

namespace pipetrace {
namespace {

constexpr std::string_view kMagic{"SQLite format 3\0", 16};
constexpr mode_t kPrivate = 0600;

Error cannot_record(const std::string& path, const std::string& why, const std::string& remedy) {
    return Error{"cannot record to " + path, why, remedy};
}

/// Only the folder that is our own: others are the user's to make.
void make_own_folder(const std::string& path) {
    const std::string folder = std::string(kRecordingFolder) + "/";
    if (path.starts_with(folder)) ::mkdir(kRecordingFolder, 0700);
}

Error cannot_open(const std::string& path) {
    const int error = errno;
    const bool is_forbidden = error == EACCES || error == EPERM;
    const char* remedy =
        is_forbidden && ::geteuid() == 0
            ? "The file or its folder is another user's: chown it to root, or record elsewhere."
        : is_forbidden                        ? "Run as root, or record elsewhere."
        : error == ENOENT || error == ENOTDIR ? "Make the folder first, or record elsewhere."
                                              : "Record elsewhere.";
    return cannot_record(path, std::strerror(error), remedy);
}

Error foreign(const std::string& path, const std::string& whose, uid_t owner) {
    return cannot_record(path,
                         whose + " belongs to the user " + std::to_string(owner) +
                             ", who could read and change what is recorded",
                         "Remove it, chown it to the user who records, or record to another file.");
}

/// What SQLite keeps beside it too: it would take what is there.
Status check_owner(const std::string& name, const std::string& path, int fd) {
    struct stat status {};
    if (::fstat(fd, &status) != 0) return cannot_open(name);
    if (status.st_uid != ::geteuid()) return foreign(name, "the file", status.st_uid);
    for (const char* beside : {"-wal", "-shm", "-journal"}) {
        const std::string kept = path + beside;
        if (::lstat(kept.c_str(), &status) == 0 && status.st_uid != ::geteuid())
            return foreign(name, kept, status.st_uid);
    }
    return Done{};
}

/// Nothing where the file is empty or a SQLite database.
Status check_content(const std::string& path, int fd) {
    struct stat status {};
    if (::fstat(fd, &status) != 0) return cannot_open(path);
    if (!S_ISREG(status.st_mode)) {
        return cannot_record(path, "it is no plain file, and a recording is written to at many places",
                             "Name a plain file.");
    }
    if (status.st_size == 0) return Done{};
    std::array<char, kMagic.size()> start{};
    const ssize_t got = ::pread(fd, start.data(), start.size(), 0);
    if (got < 0) return cannot_open(path);
    if (std::string_view(start.data(), static_cast<std::size_t>(got)) == kMagic) return Done{};
    Error error = cannot_record(path, "the file is there, and it is no recording",
                                "It was left as it is. Name another file.");
    error.is_of_content = true;
    return error;
}

}  // namespace

RecordingFile::RecordingFile(const std::string& path, int fd, bool created)
    : name_(path), path_(without_links(path)), fd_(fd), created_(created) {}

Result<RecordingFile> RecordingFile::open(const std::string& path) {
    make_own_folder(path);
    if (is_dangling_link(path)) {
        return cannot_record(path, "it is a link to a file that is not there",
                             "Remove the link, or name the file itself.");
    }
    // O_NONBLOCK: a FIFO that nobody reads would hold us for ever.
    constexpr int kFlags = O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    int fd = ::open(path.c_str(), kFlags);
    const bool created = fd < 0 && errno == ENOENT;
    if (created) fd = ::open(path.c_str(), kFlags | O_CREAT | O_EXCL, kPrivate);
    if (fd < 0) return cannot_open(path);
    RecordingFile file(path, fd, created);
    // The umask may have taken from it; SQLite gives what it makes beside it the same mode.
    if (created) ::fchmod(fd, kPrivate);
    if (const Status checked = check_owner(path, file.path(), fd); !checked) return checked.error();
    if (const Status checked = check_content(path, fd); !checked) return checked.error();
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) return cannot_open(path);
        return cannot_record(
            path, "another pipetrace is writing it",
            "End that one (`fuser " + path + "` names it), or record to another file.");
    }
    return file;
}

RecordingFile::~RecordingFile() {
    if (fd_ >= 0) ::close(fd_);
}

void RecordingFile::make_private() const {
    ::fchmod(fd_, kPrivate);
    for (const char* beside : {"-wal", "-shm"}) {
        // Closing a descriptor that can only name a file leaves SQLite's locks on it alone.
        const int named = ::open((path_ + beside).c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (named < 0) continue;
        struct stat status {};
        if (::fstat(named, &status) == 0 && S_ISREG(status.st_mode)) {
            ::chmod(("/proc/self/fd/" + std::to_string(named)).c_str(), kPrivate);
        }
        ::close(named);
    }
}

bool RecordingFile::is_removed() const {
    struct stat ours {};
    struct stat named {};
    if (::fstat(fd_, &ours) != 0) return false;
    if (::stat(path_.c_str(), &named) != 0) return errno == ENOENT || errno == ENOTDIR;
    return ours.st_dev != named.st_dev || ours.st_ino != named.st_ino;
}

void RecordingFile::remove_if_created() const {
    if (!created_) return;
    for (const char* beside : {"-wal", "-shm", "-journal", ""}) ::unlink((path_ + beside).c_str());
}

Result<std::string> set_aside(const std::string& path) {
    const std::string aside = path + ".set-aside";
    for (const char* beside : {"", "-wal", "-shm"}) ::unlink((aside + beside).c_str());
    if (::rename(path.c_str(), aside.c_str()) != 0) {
        return cannot_record(path, std::strerror(errno), "Move the file away by hand.");
    }
    // SQLite would take the WAL for the new file's.
    for (const char* beside : {"-wal", "-shm"}) {
        const std::string name = path + beside;
        if (::rename(name.c_str(), (aside + beside).c_str()) != 0 && errno != ENOENT) ::unlink(name.c_str());
    }
    return aside;
}

std::string without_links(const std::string& path) {
    const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), &std::free);
    return real ? std::string(real.get()) : path;
}

bool is_dangling_link(const std::string& path) {
    struct stat status {};
    return ::lstat(path.c_str(), &status) == 0 && S_ISLNK(status.st_mode) &&
           ::stat(path.c_str(), &status) != 0 && errno == ENOENT;
}

std::uint64_t file_bytes(const std::string& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

std::uint64_t recording_bytes(const std::string& path) {
    return file_bytes(path) + file_bytes(path + "-wal") + file_bytes(path + "-shm");
}

}  // namespace pipetrace
