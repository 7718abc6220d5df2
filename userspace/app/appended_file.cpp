#include "app/appended_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace pipetrace {
namespace {

constexpr mode_t kPrivate = 0600;
// A FIFO that nobody reads would hold us for ever. With O_APPEND, one that empties the file leaves no hole.
constexpr int kFlags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;

std::string folder_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

const char* name_in_folder(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return path.c_str() + (slash == std::string::npos ? 0 : slash + 1);
}

Error not_ours(const std::string& path, const std::string& why) {
    return {"cannot write to " + path, why,
            "Remove it, or name a file in a folder that only its owner may write to."};
}

class SharedFolder {
public:
    SharedFolder(const std::string& path, int fd, uid_t owner)
        : path_(path), name_(name_in_folder(path)), fd_(fd), owner_(owner) {}

    Result<UniqueFd> open() const {
        struct stat status {};
        const bool is_there = ::fstatat(fd_, name_, &status, AT_SYMLINK_NOFOLLOW) == 0;
        if (const Status checked = is_there ? check(status) : Done{}; !checked) return checked.error();
        const bool is_link = is_there && S_ISLNK(status.st_mode);
        UniqueFd file(::openat(fd_, name_, kFlags | (is_link ? 0 : O_NOFOLLOW), kPrivate));
        if (!file) return cannot_append(path_, errno);
        if (is_link) return file;
        // Another may have come between.
        if (::fstat(file.get(), &status) != 0) return cannot_append(path_, errno);
        if (const Status checked = check(status); !checked) return checked.error();
        return file;
    }

private:
    Status check(const struct stat& there) const {
        const char* what = S_ISLNK(there.st_mode) ? "the link" : "the file";
        const bool is_trusted = there.st_uid == 0 || there.st_uid == ::geteuid() ||
                                (there.st_uid == owner_ && !S_ISLNK(there.st_mode));
        if (!is_trusted) {
            return not_ours(path_,
                            fmt::format("{} belongs to the user {}, who may have put it there to read or "
                                        "misdirect what is written",
                                        what, there.st_uid));
        }
        if (S_ISREG(there.st_mode) && there.st_nlink > 1)
            return not_ours(path_, "the file has another name too, perhaps in another user's folder");
        return Done{};
    }

    const std::string& path_;
    const char* name_;
    int fd_;
    uid_t owner_;
};

}  // namespace

Error cannot_append(const std::string& path, int error) {
    const char* remedy = error == ENXIO    ? "Nobody reads this pipe: start its reader first."
                         : error == ENOSPC ? "Free some space, or write elsewhere with -o."
                                           : "Name a file in a folder that exists and may be written to.";
    return Error{"cannot write to " + path, std::strerror(error), remedy};
}

Result<UniqueFd> open_to_append(const std::string& path) {
    const UniqueFd folder(::open(folder_of(path).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    struct stat status {};
    if (!folder || ::fstat(folder.get(), &status) != 0) return cannot_append(path, errno);
    const bool is_anothers = status.st_uid != 0 && status.st_uid != ::geteuid();
    if (is_anothers || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return SharedFolder(path, folder.get(), status.st_uid).open();
    UniqueFd file(::openat(folder.get(), name_in_folder(path), kFlags, kPrivate));
    if (!file) return cannot_append(path, errno);
    return file;
}

Status can_be_opened_again(const std::string& path) {
    const std::string folder = folder_of(path);
    struct stat status {};
    const bool is_there = ::stat(path.c_str(), &status) == 0;
    if (is_there && !S_ISREG(status.st_mode)) return Done{};
    const auto refused = [&](const std::string& what) {
        return Error{path + " can be written to now, and not again after a rotation",
                     fmt::format("{} belongs to the user {}, and the user {} may not write to it", what,
                                 status.st_uid, ::geteuid()),
                     std::string(::geteuid() == 0
                                     ? "root's right to write everywhere is given up once all is attached. "
                                     : "") +
                         "Give it to this user with chown, or name a file elsewhere."};
    };
    if (is_there && ::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) != 0 && errno == EACCES)
        return refused("the file");
    if (::faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) == 0 || errno != EACCES) return Done{};
    if (::stat(folder.c_str(), &status) != 0) return Done{};
    return refused("its folder " + folder);
}

}  // namespace pipetrace
