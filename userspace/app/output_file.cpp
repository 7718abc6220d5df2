#include "app/output_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <cstring>
#include <utility>

namespace pipetrace {
namespace {

/// Takes back the last `bytes` of a regular file; of what else was written nothing can be taken back.
void take_back(int fd, std::size_t bytes) {
    struct stat status {};
    if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return;
    const off_t end = ::lseek(fd, 0, SEEK_CUR);
    const auto length = static_cast<off_t>(bytes);
    if (end < length) return;
    [[maybe_unused]] const int cut = ::ftruncate(fd, end - length);
    ::lseek(fd, end - length, SEEK_SET);
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

OutputFile::Outcome OutputFile::write(std::string_view text, std::span<const std::size_t> ends) {
    std::size_t done = 0;
    while (done < text.size()) {
        const ssize_t written = ::write(fd_, text.data() + done, text.size() - done);
        if (written >= 0) {
            done += static_cast<std::size_t>(written);
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
        const auto beyond = std::upper_bound(ends.begin(), ends.end(), done);
        kept_ = beyond != ends.begin() ? *std::prev(beyond) : 0;
        take_back(fd_, done - kept_);
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
