#include "app/line_file.h"

#include "app/appended_file.h"
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

void LineFile::close() { fd_ = UniqueFd(); }

Status LineFile::reopen() {
    close();
    auto opened = open_to_append(path_);
    if (!opened) return opened.error();
    fd_ = std::move(*opened);
    ::fcntl(fd_.get(), F_SETFL, ::fcntl(fd_.get(), F_GETFL) & ~O_NONBLOCK);
    return end_last_line();
}

/// Where the power failed in the midst of one: ours would become a part of it.
Status LineFile::end_last_line() {
    struct stat status {};
    if (::fstat(fd_.get(), &status) != 0 || !S_ISREG(status.st_mode) || status.st_size == 0) return Done{};
    const int reading = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (reading < 0) return Done{};
    char last = '\n';
    const ssize_t got = ::pread(reading, &last, 1, status.st_size - 1);
    ::close(reading);
    if (got != 1 || last == '\n' || ::write(fd_.get(), "\n", 1) == 1) return Done{};
    const int error = errno;
    close();
    return cannot_append(path_, error);
}

/// It is the file of that name, and has room for so much.
Status LineFile::make_ready(std::size_t bytes) {
    struct stat ours {};
    struct stat named {};
    const bool is_ours = fd_ && ::fstat(fd_.get(), &ours) == 0 && ::stat(path_.c_str(), &named) == 0 &&
                         ours.st_dev == named.st_dev && ours.st_ino == named.st_ino;
    if (!is_ours) return reopen();
    const bool fits = !S_ISREG(ours.st_mode) || ours.st_size == 0 ||
                      static_cast<std::uint64_t>(ours.st_size) + bytes <= size_bytes_max_;
    if (fits) return Done{};
    // Where it cannot be moved it must not grow either: what follows is tried again.
    if (::rename(path_.c_str(), (path_ + ".1").c_str()) != 0) return cannot_append(path_ + ".1", errno);
    return reopen();
}

Receiver::Outcome LineFile::deliver(Parcel& parcel) {
    if (const Status ready = make_ready(parcel.text.size()); !ready) {
        trouble_ = ready.error();
        return Outcome::kLater;
    }
    const Outcome outcome = write_to(fd_.get(), path_, parcel, trouble_);
    if (outcome != Outcome::kEnded) return outcome;
    // A FIFO: its next reader may come.
    trouble_ = cannot_append(path_, EPIPE);
    close();
    return Outcome::kLater;
}

Receiver::Outcome LineStream::deliver(Parcel& parcel) { return write_to(fd_, name(), parcel, trouble_); }

}  // namespace pipetrace
