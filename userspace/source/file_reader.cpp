// Reads until the end; /proc gives files in pieces.
#include "source/file_reader.h"

#include "source/unique_fd.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace pipetrace {

std::optional<std::string> read_whole_file(const std::string& path) {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return std::nullopt;
    constexpr std::size_t kChunk = 4096;
    struct stat status{};
    // /sys tells BTF's size; /proc says 0.
    const bool is_sized = ::fstat(fd.get(), &status) == 0 && status.st_size > 0;
    std::string content(is_sized ? static_cast<std::size_t>(status.st_size) + 1 : kChunk, '\0');
    std::size_t size = 0;
    while (true) {
        const ssize_t count = ::read(fd.get(), content.data() + size, content.size() - size);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return std::nullopt;
        if (count == 0) break;
        size += static_cast<std::size_t>(count);
        if (size == content.size()) content.resize(size * 2);
    }
    content.resize(size);
    return content;
}

std::optional<std::string> read_plain_file(const std::string& path, std::size_t bytes_max) {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    struct stat status{};
    if (!fd || ::fstat(fd.get(), &status) != 0) return std::nullopt;
    if (!S_ISREG(status.st_mode)) {
        errno = S_ISDIR(status.st_mode) ? EISDIR : EINVAL;
        return std::nullopt;
    }
    std::string content(bytes_max + 1, '\0');
    std::size_t size = 0;
    while (size < content.size()) {
        const ssize_t count = ::read(fd.get(), content.data() + size, content.size() - size);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return std::nullopt;
        if (count == 0) break;
        size += static_cast<std::size_t>(count);
    }
    if (size > bytes_max) {
        errno = EFBIG;
        return std::nullopt;
    }
    content.resize(size);
    content.shrink_to_fit();
    return content;
}

std::optional<std::string> read_first_line(const std::string& path) {
    auto content = read_whole_file(path);
    if (content) content->resize(std::min(content->find('\n'), content->size()));
    return content;
}

}  // namespace pipetrace
