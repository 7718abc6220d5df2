#include "export/journal.h"

#include "export/systemd_library.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

namespace pipetrace {
namespace {

constexpr const char* kSocket = "/run/systemd/journal/socket";

/// libsystemd waits in sendmsg() for as long as journald does not read, and says nothing where there is none:
/// both are seen here beforehand. Errno; 0: there is room for an entry.
int await_room(std::chrono::milliseconds wait) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, kSocket, sizeof(address.sun_path) - 1);
    const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return errno;
    int error = 0;
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
        error = errno;
    } else {
        pollfd writable{fd, POLLOUT, 0};
        const int ready = ::poll(&writable, 1, static_cast<int>(wait.count()));
        if (ready <= 0) error = EAGAIN;
    }
    ::close(fd);
    return error;
}

bool is_absence(int error) { return error == ENOENT || error == ECONNREFUSED || error == ENOTDIR; }

}  // namespace

Journal::Outcome Journal::send(std::span<const std::string_view> fields, std::chrono::milliseconds wait) {
    const auto sendv = SystemdLibrary::get().journal_sendv;
    error_ = sendv != nullptr ? await_room(wait) : ENOENT;
    if (error_ == 0) {
        std::vector<iovec> parts;
        parts.reserve(fields.size());
        for (const std::string_view field : fields)
            parts.push_back({const_cast<char*>(field.data()), field.size()});
        error_ = -sendv(parts.data(), static_cast<int>(parts.size()));
    }
    if (error_ == 0) return Outcome::kSent;
    if (is_absence(error_)) return Outcome::kAbsent;
    return error_ == EAGAIN ? Outcome::kBusy : Outcome::kFailed;
}

Error Journal::trouble() const {
    return Error{"cannot write to the journal",
                 error_ == EAGAIN ? "journald does not read what it is sent" : std::strerror(error_),
                 "Look at systemd-journald; pipetrace goes on, and tries again."};
}

}  // namespace pipetrace
