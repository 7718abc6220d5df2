#include "app/output_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace pipetrace {
namespace {

/// Where a failed write began, if the file can be cut back to there.
off_t regular_file_end(int fd) {
    struct stat status {};
    if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return -1;
    return ::lseek(fd, 0, SEEK_CUR);
}

}  // namespace

OutputFile::OutputFile(int fd, std::string name) : fd_(fd), name_(std::move(name)) {}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      name_(std::move(other.name_)),
      owned_(std::exchange(other.owned_, false)),
      errno_(other.errno_) {}

OutputFile::~OutputFile() {
    if (owned_) ::close(fd_);
}

Result<OutputFile> OutputFile::create(const std::string& path) {
    // A FIFO that nobody reads would hold us for ever.
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK, 0666);
    if (fd < 0 && errno == ENXIO) {
        return Error{fmt::format("cannot write to {}", path), "nobody reads this pipe",
                     "Start its reader first."};
    }
    if (fd < 0) {
        return Error{fmt::format("cannot write to {}", path), std::strerror(errno),
                     "Name a file in a folder that exists and may be written to."};
    }
    ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) & ~O_NONBLOCK);
    OutputFile file(fd, path);
    file.owned_ = true;
    return file;
}

OutputFile::Outcome OutputFile::write(std::string_view text) {
    const off_t start = regular_file_end(fd_);
    while (!text.empty()) {
        const ssize_t written = ::write(fd_, text.data(), text.size());
        if (written >= 0) {
            text.remove_prefix(static_cast<std::size_t>(written));
            continue;
        }
        if (errno == EINTR) continue;
        if (errno == EAGAIN) {  // somebody made our terminal or pipe non-blocking
            pollfd writable{fd_, POLLOUT, 0};
            ::poll(&writable, 1, 1000);
            continue;
        }
        if (errno == EPIPE) return Outcome::kReaderGone;
        errno_ = errno;
        if (start >= 0) {
            [[maybe_unused]] const int cut = ::ftruncate(fd_, start);
        }
        return Outcome::kFailed;
    }
    return Outcome::kWritten;
}

Error OutputFile::error() const {
    const char* remedy = errno_ == ENOSPC
                             ? "Free some space, or write elsewhere with -o; what was written is complete."
                             : "Write elsewhere with -o.";
    return Error{fmt::format("cannot write to {}", name_), std::strerror(errno_), remedy};
}

}  // namespace pipetrace
