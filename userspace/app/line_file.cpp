#include "app/line_file.h"

#include "app/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

namespace pipetrace {
namespace {

constexpr mode_t kPrivate = 0600;

Error cannot_write(const std::string& path, int error) {
    const char* remedy = error == ENXIO    ? "Nobody reads this pipe: start its reader first."
                         : error == ENOSPC ? "Free some space, or write elsewhere with -o."
                                           : "Name a file in a folder that exists and may be written to.";
    return Error{"cannot write to " + path, std::strerror(error), remedy};
}

/// What is left of a parcel whose first `bytes` have been written.
void drop_written(Parcel& parcel, std::size_t bytes) {
    parcel.text.erase(0, bytes);
    std::erase_if(parcel.ends, [&](std::size_t end) { return end <= bytes; });
    for (std::size_t& end : parcel.ends) end -= bytes;
    parcel.entries = parcel.ends.size();
}

Receiver::Outcome write_to(int fd, const std::string& name, Parcel& parcel, Error& trouble) {
    OutputFile file(fd, name);
    switch (file.write(parcel.text, parcel.ends)) {
        case OutputFile::Outcome::kWritten: return Receiver::Outcome::kTaken;
        case OutputFile::Outcome::kReaderGone: return Receiver::Outcome::kEnded;
        case OutputFile::Outcome::kFailed: break;
    }
    trouble = file.error();
    drop_written(parcel, file.kept());
    return Receiver::Outcome::kLater;
}

}  // namespace

Result<std::unique_ptr<LineFile>> LineFile::open(const std::string& path, std::uint64_t size_bytes_max) {
    std::unique_ptr<LineFile> file(new LineFile(path, size_bytes_max));
    if (const Status opened = file->reopen(); !opened) return opened.error();
    return file;
}

LineFile::~LineFile() { close(); }

void LineFile::close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

Status LineFile::reopen() {
    close();
    // A FIFO that nobody reads would hold us for ever. With O_APPEND, one that empties the file leaves no
    // hole.
    fd_ = ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, kPrivate);
    if (fd_ < 0) return cannot_write(path_, errno);
    ::fcntl(fd_, F_SETFL, ::fcntl(fd_, F_GETFL) & ~O_NONBLOCK);
    return end_last_line();
}

/// Where the power failed in the midst of one: ours would become a part of it.
Status LineFile::end_last_line() {
    struct stat status {};
    if (::fstat(fd_, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size == 0) return Done{};
    const int reading = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (reading < 0) return Done{};
    char last = '\n';
    const ssize_t got = ::pread(reading, &last, 1, status.st_size - 1);
    ::close(reading);
    if (got != 1 || last == '\n' || ::write(fd_, "\n", 1) == 1) return Done{};
    const int error = errno;
    close();
    return cannot_write(path_, error);
}

/// It is the file of that name, and has room for so much.
Status LineFile::make_ready(std::size_t bytes) {
    struct stat ours {};
    struct stat named {};
    const bool is_ours = fd_ >= 0 && ::fstat(fd_, &ours) == 0 && ::stat(path_.c_str(), &named) == 0 &&
                         ours.st_dev == named.st_dev && ours.st_ino == named.st_ino;
    if (!is_ours) return reopen();
    const bool fits = !S_ISREG(ours.st_mode) || ours.st_size == 0 ||
                      static_cast<std::uint64_t>(ours.st_size) + bytes <= size_bytes_max_;
    if (fits) return Done{};
    // Where it cannot be moved it must not grow either: what follows is tried again.
    if (::rename(path_.c_str(), (path_ + ".1").c_str()) != 0) return cannot_write(path_ + ".1", errno);
    return reopen();
}

Receiver::Outcome LineFile::deliver(Parcel& parcel) {
    if (const Status ready = make_ready(parcel.text.size()); !ready) {
        trouble_ = ready.error();
        return Outcome::kLater;
    }
    const Outcome outcome = write_to(fd_, path_, parcel, trouble_);
    if (outcome != Outcome::kEnded) return outcome;
    // A FIFO: its next reader may come.
    trouble_ = cannot_write(path_, EPIPE);
    close();
    return Outcome::kLater;
}

Receiver::Outcome LineStream::deliver(Parcel& parcel) { return write_to(fd_, name(), parcel, trouble_); }

}  // namespace pipetrace
