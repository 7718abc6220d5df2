#include "source/namespaces.h"

#include <sys/stat.h>

namespace pipetrace {
namespace {

struct First {
    const char* path;
    ino_t number;  ///< PROC_..._INIT_INO, include/linux/proc_ns.h (uapi/linux/nsfs.h since 6.18)
};

First first_of(Namespace kind) {
    switch (kind) {
        case Namespace::kCgroup: return {"/proc/self/ns/cgroup", 0xEFFFFFFB};
        case Namespace::kPid: return {"/proc/self/ns/pid", 0xEFFFFFFC};
        case Namespace::kUts: break;
    }
    return {"/proc/self/ns/uts", 0xEFFFFFFE};
}

}  // namespace

bool is_in_first(Namespace kind) {
    const First first = first_of(kind);
    struct stat status {};
    return ::stat(first.path, &status) != 0 || status.st_ino == first.number;
}

}  // namespace pipetrace
